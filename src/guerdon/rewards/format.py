"""Format: does a response have the form that was asked for? It says nothing about being right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from guerdon.errors import ConfigError
from guerdon.rewards.answers import stated_answer
from guerdon.types import Models, Reward, Task


@dataclass(frozen=True, kw_only=True)
class Format:
    """``present`` if the response has every form that is asked for, else ``absent``.

    Args:
        answer: it states an answer: a closed box that is not empty, or "Answer: ...".
        tags: it consists of these tags, each once, in this order, none empty, with only space
            around them: ``[think, answer]`` is ``<think>...</think> <answer>...</answer>``.
        pattern: a regular expression the whole response matches, where ``.`` is any character,
            line ends too. Of what a policy may write, some patterns take forever; ``tags`` never
            does.
        present, absent: what it is worth.
    """

    answer: bool = False
    tags: Sequence[str] = ()
    pattern: str | None = None
    present: float = 1.0
    absent: float = 0.0

    def __post_init__(self) -> None:
        problems = []
        if not (self.answer or self.tags or self.pattern is not None):
            problems.append("Format: asks for nothing; set answer, tags or pattern")
        if wrong := [tag for tag in self.tags if not re.fullmatch(r"[\w-]+", tag)]:
            problems.append(f"Format: tags are names such as think, without brackets; got {wrong}")
        if len(set(self.tags)) < len(self.tags):
            problems.append(f"Format: tags must differ, got {list(self.tags)}")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            problems.append(f"Format: pattern {self.pattern!r} is not valid: {error}")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Look at one response; ``task`` and ``models`` are not used."""
        missing = self._missing(response)
        if missing is None:
            return Reward(self.present)
        return Reward(self.absent, note=missing)

    def _missing(self, response: str) -> str | None:
        """What of the form is not there; None if all is."""
        if self.answer and stated_answer(response) is None:
            return "states no answer"
        if self.tags and (why := _against_tags(response, self.tags)):
            return why
        if self.pattern is not None and not re.fullmatch(self.pattern, response, re.DOTALL):
            return f"does not match {self.pattern!r}"
        return None


def _against_tags(response: str, tags: Sequence[str]) -> str | None:
    at = 0
    for tag in tags:
        opening, closing = f"<{tag}>", f"</{tag}>"
        if response.count(opening) != 1 or response.count(closing) != 1:
            return f"<{tag}> and </{tag}> do not stand there once each"
        start, end = response.index(opening), response.index(closing)
        if start < at or response[at:start].strip():
            return f"something else stands before <{tag}>"
        if not response[start + len(opening) : end].strip():
            return f"<{tag}> is empty or closes before it opens"
        at = end + len(closing)
    return "something stands after the last tag" if response[at:].strip() else None
