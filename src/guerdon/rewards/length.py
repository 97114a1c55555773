"""Length and Overlong: what the length of a response is worth, whatever it says."""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.errors import ConfigError
from guerdon.rewards.lengths import Unit, measure
from guerdon.types import Models, Reward, Task


@dataclass(frozen=True, kw_only=True)
class Length:
    """1 from ``low`` to ``high``, falling to 0 over ``margin`` on both sides.

    Args:
        low: None: nothing is too short.
        high: None: nothing is too long.
        margin: over how many units it falls, linearly; 0: at once.
        unit: tokens, words or characters.
        tokenizer: whose tokens: a model directory or hub name; None: the policy's.
    """

    low: int | None = None
    high: int | None = None
    margin: int = 0
    unit: Unit = "tokens"
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.low is None and self.high is None:
            problems.append("Length: asks for nothing; set low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            problems.append(f"Length: low is {self.low} and above high, {self.high}")
        if self.margin < 0:
            problems.append(f"Length: margin must be at least 0, got {self.margin}")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Measure one response.

        Raises:
            RewardError: there is no tokenizer to measure with.
        """
        length = measure(response, self.unit, models, self.tokenizer)
        below = 0 if self.low is None else max(0, self.low - length)
        above = 0 if self.high is None else max(0, length - self.high)
        outside = max(below, above)
        value = max(0.0, 1.0 - outside / self.margin) if self.margin else float(not outside)
        return Reward(value, {"length": float(length)})


@dataclass(frozen=True, kw_only=True)
class Overlong:
    """0 up to ``limit - buffer``, falling linearly to ``-penalty`` at ``limit`` and beyond.

    A part of a ``Weighted`` reward: it takes off for length before a reply is cut.

    Args:
        limit: the longest reply; usually ``models.policy.sampling.max_tokens``.
        buffer: over how many units before it the penalty grows.
        penalty: the most that is taken off.
        unit, tokenizer: as in ``Length``.

    Source: Yu et al. 2025 (arXiv:2503.14476), eq. 13.
    """

    limit: int
    buffer: int
    penalty: float = 1.0
    unit: Unit = "tokens"
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if not 0 < self.buffer <= self.limit:
            problems.append(
                f"Overlong: buffer must be from 1 to limit, {self.limit}; got {self.buffer}"
            )
        if self.penalty <= 0:
            problems.append(f"Overlong: penalty must be above 0, got {self.penalty}")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Measure one response.

        Raises:
            RewardError: there is no tokenizer to measure with.
        """
        length = measure(response, self.unit, models, self.tokenizer)
        over = min(max(0, length - (self.limit - self.buffer)), self.buffer)
        return Reward(
            -self.penalty * over / self.buffer if over else 0.0, {"length": float(length)}
        )
