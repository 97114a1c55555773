"""Match: is the response, or what a pattern finds in it, the reference answer, letter by letter?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.answers import clean, stated_answer
from guerdon.types import Models, Reward, Task


@dataclass(frozen=True, kw_only=True)
class Match:
    """1 if the response equals ``task.answer`` after normalising both, else 0.

    A task without a reference answer is a ``RewardError``; a response in which the pattern finds
    nothing is wrong.

    Args:
        pattern: a regular expression; its last match in the response is compared (the first group,
            where it has one). None: the whole response. The reference is taken as it stands.
        find: ``response``: look at all of it; ``answer``: at what it states as its answer (a box,
            or after "Answer:"), where marks of formulas and a final period do not count.
        strip: ignore space at both ends and the length of space inside.
        casefold: ignore case.
    """

    pattern: str | None = None
    find: Literal["response", "answer"] = "response"
    strip: bool = True
    casefold: bool = True

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ConfigError(f"Match: pattern {self.pattern!r} is not valid: {error}") from error

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Compare one response; ``models`` is not used."""
        if task.answer is None:
            raise RewardError(f"task {task.id!r} has no reference answer")
        stated = stated_answer(response) if self.find == "answer" else response
        if stated is None:
            return Reward(0.0, note="states no answer")
        found = self._find(stated)
        if found is None:
            return Reward(0.0, note=f"nothing matches {self.pattern!r}")
        same = self._normalise(found) == self._normalise(task.answer)
        return Reward(float(same), note=f"answer: {found[:100]}")

    def gold_response(self, task: Task) -> str | None:
        """The reference answer, in a box if that is looked for; None: the pattern finds another,
        or none, in it."""
        if task.answer is not None and self.find == "answer":
            return rf"\boxed{{{task.answer}}}"
        if task.answer is None or self.pattern is None:
            return task.answer
        found = self._find(task.answer)
        same = found is not None and self._normalise(found) == self._normalise(task.answer)
        return task.answer if same else None

    def _find(self, response: str) -> str | None:
        if self.pattern is None:
            return response
        matches = list(re.finditer(self.pattern, response))
        if not matches:
            return None
        last = matches[-1]
        return last[1] if last.re.groups and last[1] is not None else last[0]

    def _normalise(self, text: str) -> str:
        text = clean(text) if self.find == "answer" else text
        text = " ".join(text.split()) if self.strip else text
        return text.casefold() if self.casefold else text
