"""How a reply says what to do: reading actions out of it, and writing them for scripted players.

What was sampled is never changed: a reply is only read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.envs import tools
from guerdon.envs.game import actions_of, offers, tools_of

Form = Literal["reply", "first_word", "last_word", "answer", "think", "tool_call"]

_TAGS = {
    "answer": re.compile(r"<answer>(.*?)</answer>", re.DOTALL),
    "think": re.compile(r"\s*<think>.*?</think>\s*<answer>(.*?)</answer>\s*", re.DOTALL),
}
_AROUND = ".,;:!?\"'*"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says."""

    actions: tuple[str, ...] = ()
    """In the game's spelling, in order."""
    is_invalid: bool = False
    """It names something that is no action, or nothing."""
    is_malformed: bool = False
    """It does not have the form that was asked for, or has too many actions."""
    note: str = ""
    """What is wrong, where more can be said than that."""


@dataclass(frozen=True, kw_only=True)
class ReplyForm:
    """Where actions stand in a reply.

    Args:
        where: it is the whole ``reply``, or, where it is not, the reply's first or last word; the
            ``answer`` between tags, alone or after ``think``; or calls of tools, ``tool_call``,
            where a reply without one is the final answer.
        separator: between several actions; None: there is one.
        max_actions: of one reply; those beyond are not carried out.
    """

    where: Form = "first_word"
    separator: str | None = None
    max_actions: int = 1

    def read(self, reply: str, game: Any) -> Reading:
        """The actions of ``game`` that a reply names. Case and punctuation do not count."""
        if self.where == "tool_call":
            return self._read_calls(reply, tools_of(game))
        if self.where in _TAGS:
            found = _TAGS[self.where].findall(reply)
            is_whole = self.where == "answer" or _TAGS["think"].fullmatch(reply)
            if len(found) != 1 or not is_whole or reply.count("<answer>") != 1:
                return Reading(is_malformed=True)
            reply = found[0]
        parts = [reply] if self.separator is None else reply.split(self.separator)
        named = [self._find(part, game) for part in parts if part.strip() or len(parts) == 1]
        known = [action for action in named if action is not None]
        return Reading(
            actions=tuple(known[: self.max_actions]),
            is_invalid=len(known) < len(named),
            is_malformed=len(named) > self.max_actions,
        )

    def write(self, actions: Sequence[str], thought: str = "") -> str:
        """A reply in this form that ``read`` takes for these actions."""
        if self.where == "tool_call":
            return tools.write_calls(actions)
        text = (self.separator or " ").join(actions)
        if self.where in _TAGS:
            text = f"<answer>{text}</answer>"
        return f"<think>{thought}</think>{text}" if self.where == "think" else text

    def hint(self) -> str:
        """What a reply must look like; empty: nothing but the action."""
        several = f"{self.separator} ... " if self.separator and self.max_actions > 1 else ""
        answer = f"<answer>action {several}</answer>".replace(" </answer>", "</answer>")
        return {
            "answer": f"Reply in the form {answer}.",
            "think": f"Reply in the form <think>reasoning</think>{answer}.",
            "tool_call": f"To call a tool, write {tools.EXAMPLE}. Without a call, your reply is"
            f" your final answer.",
            "first_word": "Begin your reply with the action.",
            "last_word": "End your reply with the action.",
        }.get(self.where, "Reply with the action only.")

    def _find(self, text: str, game: Any) -> str | None:
        """The action a text names, or None."""
        actions = actions_of(game)
        if not actions:
            action = game.read(text.strip()) if offers(game, "read") else text.strip()
            return action or None
        known = {action.casefold(): action for action in actions}
        whole = " ".join(text.split()).casefold()
        for spelling in (whole, whole.strip(_AROUND)):  # R' is a turn of a cube
            if spelling in known:
                return known[spelling]
        words = re.findall(r"[\w-]+", text)
        if not words or self.where not in ("first_word", "last_word"):
            return None
        return known.get(words[0 if self.where == "first_word" else -1].casefold())

    def _read_calls(self, reply: str, schemas: Sequence[Mapping[str, Any]]) -> Reading:
        calls, problems = tools.read_calls(reply, schemas)
        broken = [problem for problem in problems if problem.is_malformed]
        return Reading(
            actions=tuple(calls[: self.max_actions]),
            is_invalid=len(problems) > len(broken),
            is_malformed=bool(broken) or len(calls) + len(problems) > self.max_actions,
            note=" ".join(problem.text for problem in problems),
        )
