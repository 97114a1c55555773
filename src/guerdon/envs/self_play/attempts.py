"""Proposals of one episode: what each said, what came of it, and what equal ones earn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from guerdon.chat import Chat
from guerdon.types import Episode, Metrics, Reward, Task, Trajectory


@dataclass(frozen=True)
class Attempt:
    """What a proposer said, and what came of it."""

    chat: Chat
    reward: Reward
    """Before it is shared with equal ones."""
    metrics: Metrics
    invented: Task | None = None
    """The new task, if it is good enough."""
    rows: tuple[Trajectory, ...] = ()
    """Answers to it that are trained on."""


def to_episode(
    task: Task,
    attempts: Sequence[Attempt],
    name_of: Callable[[Task], str],
    *,
    train_proposer: bool = True,
) -> Episode:
    """The episode of an invitation: rows, new tasks, and the mean of each metric.

    Args:
        name_of: new tasks of one name are equal.
        train_proposer: whether what was proposed is trained on, or only the answers.
    """
    rows: list[Trajectory] = []
    for one, reward in zip(attempts, shared(attempts, name_of), strict=True):
        rows += [one.chat.trajectory(reward)] if train_proposer else []
        rows += one.rows
    metrics = {
        name: fmean(one.metrics[name] for one in attempts if name in one.metrics)
        for name in sorted({name for one in attempts for name in one.metrics})
    }
    new_tasks = {one.invented.id: one.invented for one in attempts if one.invented}
    return Episode(task, tuple(rows), tuple(new_tasks.values()), metrics)


def shared(attempts: Sequence[Attempt], name_of: Callable[[Task], str]) -> list[Reward]:
    """What each attempt earns: equal ones divide a gain. A loss is not divided, or saying the same
    thing twice would make it smaller."""
    names = [name_of(one.invented) if one.invented else None for one in attempts]
    equal = Counter(names)
    return [
        replace(one.reward, value=one.reward.value / equal[name])
        if name is not None and one.reward.value > 0.0
        else one.reward
        for one, name in zip(attempts, names, strict=True)
    ]
