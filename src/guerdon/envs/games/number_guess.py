"""Guess a number, and be told whether it is higher or lower."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from guerdon.envs.game import state_seed
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed


@dataclass(kw_only=True)
class NumberGuessGame:
    """A number from ``low`` to ``high`` made from the task's seed; 1 for finding it.

    Args:
        low: the smallest possible number.
        high: the largest; at most 10,000 above ``low``.
        step_penalty: taken off for each guess that is wrong.
    """

    low: int = 1
    high: int = 100
    step_penalty: float = 0.0
    actions: Sequence[str] = field(default=(), init=False, repr=False)
    _number: int = field(default=0, init=False, repr=False)
    _range: tuple[int, int] = field(default=(0, 0), init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.high - self.low <= 10_000:
            raise ConfigError(
                f"NumberGuessGame: high must be 1 to 10000 above low, not {self.low}..{self.high}"
            )
        self.actions = tuple(str(number) for number in range(self.low, self.high + 1))

    @property
    def instruction(self) -> str:
        """What to do."""
        return f"Find my number, from {self.low} to {self.high}. I say higher or lower."

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Think of a number."""
        draw = random.Random(derive_seed("number_guess", state_seed(task)))
        self._number = draw.randint(self.low, self.high)
        self._range = (self.low, self.high)
        return "Guess.", {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Answer a guess."""
        guess, (low, high) = int(action), self._range
        if guess == self._number:
            return "Yes.", 1.0, True, False, {"success": 1.0, "effective": 1.0}
        is_low = guess < self._number
        self._range = (max(low, guess + 1), high) if is_low else (low, min(high, guess - 1))
        told = f"{guess}: {'higher' if is_low else 'lower'}."
        info = {"success": 0.0, "effective": float(self._range != (low, high))}
        return told, -self.step_penalty, False, False, info

    def anchor(self) -> str:
        """The number and what is known of it."""
        return f"{self._number} in {self._range[0]}..{self._range[1]}"

    def oracle(self) -> str:
        """The middle of what is left; finds every number in log2(high - low + 2) guesses."""
        return str(sum(self._range) // 2)
