"""The groups of a step: those whose members all earned the same teach nothing and are replaced.

With ``trainer.max_refills`` a step goes on to further tasks until it has as many groups with
something to learn from as ``trainer.tasks_per_step`` says, or the rounds are used up. Without, it
only counts them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

from guerdon.types import Episode, Metrics, Task, Trajectory

Play = Callable[[Sequence[Task], int], Awaitable[list[Episode]]]
"""Plays tasks as groups: (tasks, number of the round)."""


async def play_groups(
    deal: Callable[[int], list[Task]], play: Play, num_tasks: int, max_refills: int
) -> tuple[list[Episode], set[str], Metrics]:
    """Play ``num_tasks`` groups, and further ones for those that are silent.

    Args:
        deal: the next so many tasks.
        max_refills: rounds of further tasks at most.

    Returns:
        All episodes; the groups to leave out of learning, because others took their place; and the
        counts.
    """
    episodes = await play(deal(num_tasks), 0)
    num_rounds = 0
    while num_rounds < max_refills and (missing := num_tasks - len(_telling(episodes))) > 0:
        num_rounds += 1
        episodes += await play(deal(missing), num_rounds)
    silent = silent_groups(episodes)
    counts = {
        "rollout/silent_groups": float(len(silent)),
        "rollout/refills": float(num_rounds),
    }
    return episodes, silent if num_rounds else set(), counts


def silent_groups(episodes: Sequence[Episode]) -> set[str]:
    """Groups whose members all earned the same, turn by turn: their advantages are all 0."""
    groups = _groups(episodes).items()
    return {name for name, members in groups if len(members) > 1 and len(set(members)) == 1}


def _telling(episodes: Sequence[Episode]) -> set[str]:
    """Groups that differ in what their members earned."""
    return {name for name, members in _groups(episodes).items() if len(set(members)) > 1}


def _groups(episodes: Sequence[Episode]) -> dict[str, list[tuple[float, ...]]]:
    """What each member of each group earned."""
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for episode in episodes:
        if episode.error is None:
            for row in episode.trajectories:
                found[row.group].append(_earned(row))
    return found


def _earned(row: Trajectory) -> tuple[float, ...]:
    return (row.reward.value, *(turn.reward for turn in row.turns))
