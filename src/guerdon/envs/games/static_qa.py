"""Questions with known answers, and further tries after a wrong one."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from guerdon.errors import EnvError
from guerdon.types import Task

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(kw_only=True)
class StaticQAGame:
    """The task's prompt is the question, its ``answer`` the right one; any task file will do.

    The first try is worth 1, each later one half of the one before.

    Args:
        match: ``text``: equal but for case, articles, punctuation and white space; ``number``: the
            last number of both is equal; ``letter``: the first capital letter alone.
        tries: answers that may be given; each is a turn.
        retry: what is said after a wrong one.
    """

    match: Literal["text", "number", "letter"] = "text"
    tries: int = 3
    retry: str = "That is not right. Try again."
    instruction: str = field(default="Answer the question.", init=False, repr=False)
    _answer: str = field(default="", init=False, repr=False)
    _tried: int = field(default=0, init=False, repr=False)

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """The task's prompt says it all."""
        if task.answer is None:
            raise EnvError(f"task {task.id!r} has no answer")
        if not _MATCHES[self.match](task.answer):
            raise EnvError(f"task {task.id!r}: no {self.match} in the answer {task.answer!r:.100}")
        self._answer, self._tried = task.answer, 0
        return "", {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Compare an answer."""
        normal = _MATCHES[self.match]
        self._tried += 1
        if normal(action) == normal(self._answer):
            return "Right.", 0.5 ** (self._tried - 1), True, False, {"success": 1.0}
        return self.retry, 0.0, False, self._tried >= self.tries, {"success": 0.0}

    def anchor(self) -> str:
        """The answer and how often was tried."""
        return f"{self._answer} {self._tried}"

    def oracle(self) -> str:
        """The answer."""
        return self._answer

    def sample(self, draw: random.Random) -> str:
        """A guess: a letter or a number."""
        return draw.choice("ABCD") if self.match == "letter" else str(draw.randrange(100))


def _text(answer: str) -> str:
    words = re.findall(r"\w+", answer.casefold())
    return " ".join(word for word in words if word not in ("a", "an", "the"))


def _number(answer: str) -> str:
    found = _NUMBER.findall(answer)
    return f"{float(found[-1].replace(',', '')):.9g}" if found else ""


def _letter(answer: str) -> str:
    found = re.search(r"\b[A-Z]\b", answer)
    return found.group() if found else ""


_MATCHES: dict[str, Callable[[str], str]] = {"text": _text, "number": _number, "letter": _letter}
