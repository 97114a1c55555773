"""Between rollout and learning: which groups a step learns from, and in what units.

Both look at raw returns, what the episodes really earned. The record in the run directory keeps
those; only the rows that go into the batch are changed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, pstdev, stdev

from guerdon.config.schema import GroupFilter, RewardNorm, Trainer
from guerdon.train.collect import trainable
from guerdon.types import Episode, Metrics, Reward, Trajectory

_EPS = 1e-6


def rows(
    episodes: Sequence[Episode], left_out: Collection[str], settings: Trainer
) -> tuple[list[Trajectory], Metrics]:
    """The rows a step learns from, and what is to be said of the choice.

    Args:
        left_out: groups that nothing may be learned from.
    """
    found, num_dropped = trainable(episodes, settings.group_size)
    found = [row for row in found if row.group not in left_out]
    said: Metrics = {"rollout/dropped_groups": float(num_dropped)} | spread(found)
    if settings.group_filter is not None:
        num_found = len(found)
        found = keep_groups(found, settings.group_filter)
        said["rollout/kept_frac"] = len(found) / max(1, num_found)
    if settings.reward_norm is not None:
        found = normalise(found, episodes, settings.reward_norm)
    return found, said


def groups_of(rows: Iterable[Trajectory]) -> dict[str, list[Trajectory]]:
    """Rows by their group, in order of first appearance."""
    found: dict[str, list[Trajectory]] = defaultdict(list)
    for row in rows:
        found[row.group].append(row)
    return dict(found)


def spread(rows: Sequence[Trajectory]) -> Metrics:
    """How far returns differ inside groups: the first thing to fall when a policy collapses."""
    groups = groups_of(rows).values()
    stds = [pstdev(row.total_reward for row in members) for members in groups]
    if not stds:
        return {}
    return {
        "rollout/in_group_std": fmean(stds),
        "rollout/flat_groups_frac": fmean(std == 0.0 for std in stds),
    }


def keep_groups(rows: Sequence[Trajectory], settings: GroupFilter) -> list[Trajectory]:
    """The rows of the groups ``settings`` keep, in their order; [] when no group qualifies."""
    groups = groups_of(rows)
    scores = {name: _score(members, settings.by) for name, members in groups.items()}
    kept = _chosen(scores, settings)
    return [row for row in rows if row.group in kept]


def _score(members: Sequence[Trajectory], by: str) -> float:
    returns = [row.total_reward for row in members]
    return fmean(returns) if by == "mean" else pstdev(returns)


def _chosen(scores: Mapping[str, float], settings: GroupFilter) -> set[str]:
    """Names of the groups to keep, best first until ``value`` is reached."""
    order = sorted(scores, key=lambda name: -scores[name])  # stable: ties keep their order
    if not settings.include_zero:
        order = [name for name in order if scores[name] > 0.0]
    if not order:
        return set()
    if settings.keep == "top_k":
        return set(order[: int(settings.value)])
    if settings.keep == "frac":
        return set(order[: math.ceil(settings.value * len(scores))])
    if settings.keep == "min_p":
        return {name for name in order if scores[name] >= settings.value * scores[order[0]]}
    wanted = settings.value * sum(scores[name] for name in order) - _EPS
    kept, total = set(), 0.0
    for name in order:
        if total >= wanted:
            break
        kept.add(name)
        total += scores[name]
    return kept


def normalise(
    rows: Sequence[Trajectory], episodes: Sequence[Episode], settings: RewardNorm
) -> list[Trajectory]:
    """Rows whose returns are measured from the mean of their peers, in units of their spread.

    R' = (R - mean) / (std + 1e-6) over peers, std with n - 1; 0 where all peers are equal. Rewards
    of turns are divided, what is subtracted comes off the outcome; so the sum is R'.
    """
    domains = {row.group: e.task.domain for e in episodes for row in e.trajectories}
    peers: dict[str, list[float]] = defaultdict(list)
    keys = [_peers(row, domains, settings.over) for row in rows]
    for key, row in zip(keys, rows, strict=True):
        peers[key].append(row.total_reward)
    units = {key: _unit(returns, settings) for key, returns in peers.items()}
    return [_in_units(row, *units[key], settings) for key, row in zip(keys, rows, strict=True)]


def _peers(row: Trajectory, domains: Mapping[str, str], over: str) -> str:
    return {"group": row.group, "domain": domains[row.group], "step": ""}[over]


def _unit(returns: Sequence[float], settings: RewardNorm) -> tuple[float, float]:
    """(what to subtract, what to divide by)."""
    mean = fmean(returns)
    if not settings.divide:
        return mean, 1.0
    std = stdev(returns) if len(returns) > 1 else 0.0
    return mean, std + _EPS if std > _EPS else math.inf


def _in_units(row: Trajectory, mean: float, unit: float, settings: RewardNorm) -> Trajectory:
    value = (row.total_reward - mean) / unit
    if settings.clip is not None:
        low, high = settings.clip
        value = min(max(value, low), high)
    turns = tuple(replace(turn, reward=turn.reward / unit) for turn in row.turns)
    paid = sum(turn.reward for turn in turns)
    outcome = Reward(value - paid, row.reward.parts, row.reward.note)
    return replace(row, turns=turns, reward=outcome)
