"""Numeric: are two plain numbers the same? A stage of a cascade, for it often cannot tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.answers import MAX_DIGITS, clean, stated_answer
from guerdon.types import Models, Reward, Task

_NUMBER = re.compile(
    r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """1 if the stated answer and the reference are the same number, 0 if they are two.

    Where either is no plain number (``-1,234.5``, ``6e23``) it is a ``RewardError``: that says
    nothing about the answer, and the next stage of a ``Cascade`` is asked. A response that states
    no answer is wrong.

    Args:
        tolerance: how far apart they may be, relative to the reference.
    """

    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise ConfigError(f"Numeric: tolerance is {self.tolerance}; it must be in [0, 1)")

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Compare one response; ``models`` is not used."""
        stated = stated_answer(response)
        if stated is None:
            return Reward(0.0, note="states no answer")
        gold, answer = _read(task.answer or ""), _read(stated)
        if gold is None or answer is None:
            what = f"reference {task.answer!r:.60}" if gold is None else f"answer {stated!r:.60}"
            raise RewardError(f"task {task.id!r}: {what} is no plain number")
        same = abs(gold - answer) <= abs(gold) * Decimal(str(self.tolerance))
        return Reward(float(same), note=f"answer: {stated}")

    def gold_response(self, task: Task) -> str | None:
        """The reference answer in a box."""
        return None if task.answer is None else rf"\boxed{{{task.answer}}}"


def _read(text: str) -> Decimal | None:
    text = clean(text)
    if not text or len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text.replace(",", ""))
