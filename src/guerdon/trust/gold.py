"""How a right answer is written as a response, for a reward that would pay for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

from guerdon.types import RewardFn, Task

ANSWER = "{answer}"
"""Stands for the reference answer in a template."""

USUAL = (ANSWER, r"\boxed{{answer}}", "Answer: {answer}", "<answer>{answer}</answer>")
"""How answers are mostly written, for a reward that does not say."""


@runtime_checkable
class WritesGold(Protocol):
    """A reward that knows how a right answer is written, such as in a box."""

    def gold_response(self, task: Task) -> str | None:
        """A response that says ``task.answer``; None: it does not know how."""
        ...


def gold_responses(reward: RewardFn, task: Task, template: str | None = None) -> tuple[str, ...]:
    """Responses that say the task's reference answer, likely ones first; () where there is none, or
    the reward says that it does not know how.

    Args:
        template: a response with ``{answer}`` in it; None: as the reward says, or the first of its
            parts that does, or the usual ways.
    """
    if task.answer is None:
        return ()
    if template is not None:
        return (template.replace(ANSWER, task.answer),)
    writer = _writer(reward)
    if writer is not None:
        written = writer.gold_response(task)
        return () if written is None else (written,)
    return tuple(usual.replace(ANSWER, task.answer) for usual in USUAL)


def _writer(reward: object) -> WritesGold | None:
    """The reward, or the first of its parts, that says how answers are written."""
    if isinstance(reward, WritesGold):
        return reward
    for field in getattr(reward, "__dict__", {}).values():
        for part in field.values() if isinstance(field, Mapping) else (field,):
            found = _writer(part) if isinstance(part, RewardFn) else None
            if found is not None:
                return found
    return None


def saying(reward: RewardFn, task: Task, answer: str, template: str | None = None) -> str:
    """A response that says ``answer`` where the reward looks for one."""
    other = replace(task, answer=answer, info={})
    return (*gold_responses(reward, other, template), answer)[0]
