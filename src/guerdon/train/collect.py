"""Collect: roll out a group of episodes for every task, all at once. A failed episode is data."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from guerdon.errors import RolloutError
from guerdon.types import Env, Episode, Models, Task, Trajectory


async def collect(
    env: Env,
    tasks: Sequence[Task],
    models: Models,
    *,
    group_size: int = 1,
    key: tuple[object, ...] = (),
    max_concurrent: int = 1024,
    on_done: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Roll out every task ``group_size`` times, concurrently.

    Each episode's sampling seeds derive from ``key``, the task's id, how often the task came before
    among ``tasks``, and the member's number: not from the order in which episodes happen to run.

    Returns:
        Episodes, task by task and member by member. A `RolloutError` becomes ``Episode.error``;
        anything else is a bug or the user's wish and stops all episodes.
    """
    gate = asyncio.Semaphore(max_concurrent)

    async def one(task: Task, repeat: int, member: int) -> Episode:
        seeded = {n: model.at(*key, task.id, repeat, member) for n, model in models.items()}
        async with gate:
            try:
                episode = await env.rollout(task, seeded)
            except RolloutError as error:
                episode = Episode(task, error=f"{type(error).__name__}: {error}")
        if on_done:
            on_done(episode)
        return episode

    seen: Counter[str] = Counter()
    try:
        async with asyncio.TaskGroup() as running:
            jobs = []
            for task in tasks:
                jobs += [
                    running.create_task(one(task, seen[task.id], member))
                    for member in range(group_size)
                ]
                seen[task.id] += 1
    except* (
        Exception
    ) as several:  # a task group wraps what its members raise; the first is the cause
        raise several.exceptions[0] from None
    for name, model in models.items():
        if name != "policy" and hasattr(model.engine, "rest"):
            model.engine.rest()  # what only answers gives its memory to what learns
    return [job.result() for job in jobs]


def check_errors(episodes: Sequence[Episode], max_error_rate: float) -> int:
    """The number of failed episodes.

    Raises:
        RolloutError: their share is above ``max_error_rate``; names the first cause.
    """
    failed = [episode for episode in episodes if episode.error]
    if len(failed) > max_error_rate * len(episodes):
        first = failed[0]
        raise RolloutError(
            f"{len(failed)} of {len(episodes)} episodes failed "
            f"(trainer.max_error_rate is {max_error_rate:g}); task {first.task.id}: {first.error}"
        )
    return len(failed)


def trainable(episodes: Sequence[Episode], group_size: int) -> tuple[list[Trajectory], int]:
    """The rows to learn from, and how many groups were dropped.

    Failed episodes are left out, so they enter neither a group's statistics nor the loss. Of a
    group that has lost all members but one, that one goes too: it has no peers to compare with.
    """
    rows = [row for e in episodes if not e.error for row in e.trajectories if any(row.action_mask)]
    if group_size == 1:
        return rows, 0
    size = Counter(row.group for row in rows)
    kept = [row for row in rows if size[row.group] > 1]
    lost = {e.task.id for e in episodes if e.error} - {e.task.id for e in episodes if not e.error}
    return kept, sum(members == 1 for members in size.values()) + len(lost)
