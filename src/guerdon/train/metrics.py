"""What a step's episodes and phases amount to, as rows of metrics.jsonl.

Keys under ``time/`` are measured and differ from run to run; a resumed run repeats all others.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean, pstdev

from guerdon.types import Episode, Metrics, Trajectory

_MAX_READ = 256
"""Rows whose tokens are looked at one by one."""


class Stopwatch:
    """Seconds per phase of one step; ``progress`` is called for every finished episode."""

    def __init__(self, progress: Callable[[Episode], None] | None = None) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.progress = progress
        self._started = time.perf_counter()

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += time.perf_counter() - started

    def to_metrics(self, num_tokens: float) -> Metrics:
        """``time/<phase>_s``, ``time/step_s`` and sampled tokens per second of the whole step."""
        total = time.perf_counter() - self._started
        row = {f"time/{phase}_s": seconds for phase, seconds in self.seconds.items()}
        return row | {"time/step_s": total, "time/tokens_per_s": num_tokens / total}


def of_episodes(episodes: Sequence[Episode]) -> Metrics:
    """Means over the episodes that did not fail; rewards by role where there are several roles."""
    valid = [episode for episode in episodes if not episode.error]
    rows = [row for episode in valid for row in episode.trajectories]
    result: Metrics = {
        "rollout/episodes": float(len(episodes)),
        "rollout/errors": float(len(episodes) - len(valid)),
    }
    if not rows:
        return result
    rewards = [row.total_reward for row in rows]
    result |= {"reward/mean": fmean(rewards), "reward/std": pstdev(rewards)}
    result |= {
        "rollout/turns": fmean(len(row.turns) for row in rows),
        "rollout/tokens": float(sum(len(row.token_ids) for row in rows)),
        "rollout/action_tokens": float(sum(sum(row.action_mask) for row in rows)),
        "rollout/truncated_frac": fmean(row.status == "truncated" for row in rows),
        "rollout/reply_tokens": _reply_tokens(rows),
        "rollout/repetition": fmean(repetition(row) for row in rows[:_MAX_READ]),
    }
    parts = {f"reward/part/{name}": mean for name, mean in mean_parts(valid).items()}
    return result | _by_role(episodes) | parts | _own(valid) | _solved(valid)


def repetition(row: Trajectory) -> float:
    """The share of 4-token sequences in a row's replies that the same reply has had before."""
    total = distinct = 0
    for turn in row.turns:
        reply = row.token_ids[slice(*turn.span)]
        grams = list(zip(*(reply[i:] for i in range(4)), strict=False))
        total, distinct = total + len(grams), distinct + len(set(grams))
    return 1.0 - distinct / total if total else 0.0


def _reply_tokens(rows: Sequence[Trajectory]) -> float:
    """Tokens per reply."""
    spans = [turn.span for row in rows for turn in row.turns]
    return fmean(end - start for start, end in spans) if spans else 0.0


def _by_role(episodes: Sequence[Episode]) -> Metrics:
    grouped: dict[str, list[float]] = defaultdict(list)
    for episode in episodes:
        for row in episode.trajectories:
            grouped[row.role].append(row.total_reward)
    if len(grouped) < 2:
        return {}
    return {f"reward/{role}": fmean(values) for role, values in sorted(grouped.items())}


def mean_parts(episodes: Sequence[Episode]) -> Metrics:
    """Means of the parts of the rewards, each over the trajectories that have it."""
    grouped: dict[str, list[float]] = defaultdict(list)
    for episode in episodes:
        for row in episode.trajectories:
            for name, value in row.reward.parts.items():
                grouped[name].append(value)
    return {name: fmean(values) for name, values in sorted(grouped.items())}


def _own(valid: Sequence[Episode]) -> Metrics:
    """Numbers the environments reported themselves; by domain too where there are several."""
    grouped: dict[str, list[float]] = defaultdict(list)
    several = len({episode.task.domain for episode in valid}) > 1
    for episode in valid:
        for name, value in episode.metrics.items():
            grouped[f"rollout/{name}"].append(value)
            if several:
                grouped[f"rollout/{episode.task.domain}/{name}"].append(value)
    return {name: fmean(values) for name, values in sorted(grouped.items())}


def _solved(valid: Sequence[Episode]) -> Metrics:
    """The share of tasks that at least one of their episodes solved."""
    best: dict[str, float] = {}
    for episode in valid:
        if "success" in episode.metrics:
            now = episode.metrics["success"]
            best[episode.task.id] = max(best.get(episode.task.id, 0.0), now)
    return {"rollout/solved_tasks_frac": fmean(best.values())} if best else {}
