"""What one workflow may use: the bounds the validator proves and the interpreter enforces."""

from __future__ import annotations

from dataclasses import dataclass, fields

from guerdon.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The budget of one workflow.

    Args:
        max_calls: model calls; the static bound of a program must not exceed it (E402).
        max_parallel: calls at once, and items of a list that calls or a loop run over.
        max_loop: turns of a loop.
        max_steps: statements executed.
        max_chars: of any text the program holds.
        max_tokens: read and written by models, as measured; None: no limit.
        max_usd: spent on models, as measured; None: no limit.
        timeout_s: for the whole workflow.
        code_timeout_s: for one program in the sandbox.
    """

    max_calls: int = 12
    max_parallel: int = 5
    max_loop: int = 5
    max_steps: int = 2_000
    max_chars: int = 200_000
    max_tokens: int | None = None
    max_usd: float | None = None
    timeout_s: float = 180.0
    code_timeout_s: float = 15.0

    def __post_init__(self) -> None:
        problems = [
            f"limits.{one.name}: {value} must be above 0"
            for one in fields(self)
            if (value := getattr(self, one.name)) is not None and not value > 0
        ]
        if problems:
            raise ConfigError(problems)
