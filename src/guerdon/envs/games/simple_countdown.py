"""Count down to zero, a number a turn: the smallest game of several turns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from guerdon.envs.game import state_seed
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed


@dataclass(kw_only=True)
class SimpleCountdownGame:
    """Say the number below the one you are told, until 0: 1 for each, 10 more at the end.

    A wrong number costs 1 and ends the game.

    Args:
        low, high: of the number it begins with, made from the task's seed.
    """

    low: int = 3
    high: int = 8
    actions: Sequence[str] = field(default=(), init=False, repr=False)
    instruction: str = field(
        default="Count down to 0: say the number below the one you see.", init=False, repr=False
    )
    _number: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high:
            raise ConfigError(
                f"SimpleCountdownGame: 1 <= low <= high must hold, not {self.low}..{self.high}"
            )
        self.actions = tuple(str(number) for number in range(self.high))

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Say where to begin."""
        draw = random.Random(derive_seed("simple_countdown", state_seed(task)))
        self._number = draw.randint(self.low, self.high)
        return str(self._number), {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Go on, or end."""
        if int(action) != self._number - 1:
            return "Wrong.", -1.0, True, False, {"success": 0.0, "effective": 0.0}
        self._number -= 1
        if self._number:
            return str(self._number), 1.0, False, False, {"success": 0.0, "effective": 1.0}
        return "Done.", 11.0, True, False, {"success": 1.0, "effective": 1.0}

    def anchor(self) -> str:
        """The number."""
        return str(self._number)

    def oracle(self) -> str:
        """The number below."""
        return str(self._number - 1)
