"""Every error guerdon raises on purpose.

    GuerdonError
    ├── ConfigError (ValueError)  a user's mistake, found before any work is lost
    ├── RolloutError              an episode failed; `collect` makes it Episode(error=...)
    │   ├── EngineError           a model could not answer
    │   │   ├── RefusalError      it declined to
    │   │   └── TransportError    its server could not be reached or made no sense
    │   ├── RewardError           a reward could not be computed; never a number
    │   │   └── NoVerdict         a judge gave no verdict; ``outcome`` says how
    │   ├── EnvError              an environment raised, hung or broke its contract
    │   └── SandboxError          the sandbox itself failed (a program that fails is a result)
    ├── UpdateError               too many updates in a row had a non-finite loss or gradient
    ├── CheckpointError           a checkpoint is missing, incomplete or of another model
    ├── BudgetExceeded            the spending cap was reached
    └── CacheMiss                 a replay asked for an answer that was never recorded

A message names the thing, its value and the fix. The command line prints it as one line and an
exit code.
"""

from collections.abc import Sequence


class GuerdonError(Exception):
    """Root of all errors below. ``exit_code`` is what the command line returns."""

    exit_code = 1


class ConfigError(GuerdonError, ValueError):
    """One or more mistakes in the user's input; ``problems`` has one line for each."""

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class RolloutError(GuerdonError):
    """An episode failed. As a step's error: too many did, and this names the first cause."""


class EngineError(RolloutError):
    """A model could not answer."""


class RefusalError(EngineError):
    """A model, or its server, declined to answer."""


class TransportError(EngineError):
    """A model's server could not be reached, failed, or did not follow the protocol."""


class RewardError(RolloutError):
    """A reward could not be computed."""


class NoVerdict(RewardError):
    """A judge gave no verdict. ``outcome``: parse_failure, truncated, refused or transport."""

    def __init__(self, outcome: str, message: str) -> None:
        self.outcome = outcome
        super().__init__(message)


class EnvError(RolloutError):
    """An environment raised, hung or broke its contract."""


class SandboxError(RolloutError):
    """The sandbox itself failed; a program that fails inside it is an ordinary result."""


class UpdateError(GuerdonError):
    """Too many updates in a row were skipped because the loss or a gradient was not finite."""


class CheckpointError(GuerdonError):
    """A checkpoint is missing, incomplete or belongs to another model."""


class BudgetExceeded(GuerdonError):
    """The spending cap was reached; the run was saved first."""


class CacheMiss(GuerdonError):
    """A replay asked for an answer that was never recorded."""
