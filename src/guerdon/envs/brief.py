"""Brief: what the player is told about the game before the first observation. Pure text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.envs.game import actions_of, tools_of
from guerdon.envs.replies import ReplyForm
from guerdon.types import Message


@dataclass(frozen=True, kw_only=True)
class Brief:
    """Which parts of a game's rules are told.

    Args:
        instruction: what the game is about; None: the game's own ``instruction``.
        legend: what its symbols mean.
        actions: its actions, or its tools with their schemas.
        budget: how many turns and actions there are, and what separates actions.
        form: what a reply must look like.
        each_turn: every observation begins with the turn's number and what is left.
    """

    instruction: str | None = None
    legend: bool = True
    actions: bool = True
    budget: bool = True
    form: bool = True
    each_turn: bool = False

    def text(self, game: Any, form: ReplyForm, max_turns: int, max_actions: int | None) -> str:
        """The whole brief, a part a line."""
        said = self.instruction
        lines = [getattr(game, "instruction", "") if said is None else said]
        legend = getattr(game, "legend", None)
        if self.legend and legend:
            meanings = ", ".join(f"{symbol} {meaning}" for symbol, meaning in legend.items())
            lines.append(f"Symbols: {meanings}.")
        if self.actions:
            lines += _choices(game, form)
        if self.budget:
            lines.append(_budget(form, max_turns, max_actions))
        if self.form:
            lines.append(form.hint())
        return "\n".join(line for line in lines if line)

    def left(self, turn: int, max_turns: int, actions_left: int | None) -> str:
        """How far the game has come, for the beginning of an observation."""
        text = f"Turn {turn} of {max_turns}."
        return text if actions_left is None else f"{text} {_count(actions_left, 'action')} left."


def user(content: str) -> tuple[Message, ...]:
    """One message of the user's."""
    return ({"role": "user", "content": content},)


def join(head: Sequence[Message], messages: Sequence[Message]) -> tuple[Message, ...]:
    """``messages`` after ``head``; two messages of a user at the seam become one, as chat templates
    want roles to alternate."""
    if not head or not messages or head[-1]["role"] != "user" or messages[0]["role"] != "user":
        return (*head, *messages)
    texts = (head[-1]["content"], messages[0]["content"])
    return (*head[:-1], *user("\n\n".join(text for text in texts if text)), *messages[1:])


def _choices(game: Any, form: ReplyForm) -> list[str]:
    if form.where == "tool_call":
        schemas = [json.dumps(schema["function"]) for schema in tools_of(game)]
        return ["Tools:", *schemas] if schemas else []
    actions = actions_of(game)
    return [f"Actions: {', '.join(actions)}."] if actions else []


def _budget(form: ReplyForm, max_turns: int, max_actions: int | None) -> str:
    text = f"You have {_count(max_turns, 'turn')}"
    if form.max_actions > 1:
        between = f", with {form.separator} between them" if form.separator else ""
        text += f" of at most {_count(form.max_actions, 'action')} each{between}"
    return text + (f", and {_count(max_actions, 'action')} in all." if max_actions else ".")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
