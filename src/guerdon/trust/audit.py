"""A second reward on a small share of a run's episodes: does it rise with the first?

A policy that learns to please its reward and nothing else shows here: the training reward rises,
the audit reward does not. Which episodes are audited derives from the run's seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev, variance
from typing import Any, Protocol, runtime_checkable

from guerdon.types import Trajectory, derive_seed

SIGNIFICANT = 3.0
"""Standard errors by which the gap must have grown."""


@runtime_checkable
class SaysResponse(Protocol):
    """An environment that knows which text of a trajectory its reward scored."""

    def response_of(self, trajectory: Trajectory) -> str:
        """The text."""
        ...


@dataclass(frozen=True, slots=True)
class Audited:
    """One response and its two rewards. The training reward is the trajectory's total."""

    step: int
    episode: int
    """Its place among the episodes of the step."""
    task: str
    train: float
    audit: float | None
    """None: the audit reward could not be computed."""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it stands in audit/step_*.jsonl."""
        names = ("step", "episode", "task", "train", "audit", "note")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Drift:
    """How two rewards moved between the first and the latest audited responses."""

    train: tuple[float, float]
    audit: tuple[float, float]
    gap_z: float
    """By how many standard errors the gap between the two grew, each in units of its own spread."""

    @property
    def has_diverged(self) -> bool:
        """The training reward rose, the audit reward did not, and that is no chance."""
        rose = self.train[1] > self.train[0] and self.audit[1] <= self.audit[0]
        return rose and self.gap_z >= SIGNIFICANT

    def __str__(self) -> str:
        return (
            f"training reward {self.train[0]:.3f} to {self.train[1]:.3f}, audit reward "
            f"{self.audit[0]:.3f} to {self.audit[1]:.3f}, gap grown by {self.gap_z:.1f} standard "
            f"errors"
        )


def is_audited(seed: int, step: int, episode: int, frac: float) -> bool:
    """Whether an episode is among the share ``frac``."""
    return derive_seed(seed, "audit", step, episode) < frac * 2.0**63


def drift(audited: Sequence[Audited], window: int) -> Drift | None:
    """Compare the first ``window`` responses with the latest; None before there are twice as many.

    z = (mean gap now - mean gap then) / sqrt(var_then / n + var_now / n), where a response's gap is
    train / s_train - audit / s_audit and s is the standard deviation over both windows (a reward
    that does not vary adds nothing).
    """
    known = [(one.train, one.audit) for one in audited if one.audit is not None]
    if len(known) < 2 * window:
        return None
    then, now = known[:window], known[-window:]
    both = [*then, *now]
    scales = pstdev(train for train, _ in both), pstdev(audit for _, audit in both)
    gaps = [
        [_scaled(train, scales[0]) - _scaled(audit, scales[1]) for train, audit in side]
        for side in (then, now)
    ]
    grown = fmean(gaps[1]) - fmean(gaps[0])
    error = math.sqrt((variance(gaps[0]) + variance(gaps[1])) / window)
    return Drift(
        (fmean(t for t, _ in then), fmean(t for t, _ in now)),
        (fmean(a for _, a in then), fmean(a for _, a in now)),
        grown / error if error else math.copysign(math.inf, grown) if grown else 0.0,
    )


def worst(audited: Sequence[Audited], number: int = 10) -> list[Audited]:
    """The responses the training reward overpays most, latest first among equals."""
    known = [one for one in audited if one.audit is not None]
    return sorted(known, key=lambda one: (one.train - (one.audit or 0.0), one.step), reverse=True)[
        :number
    ]


def by_step(audited: Sequence[Audited]) -> dict[int, tuple[float, float]]:
    """Mean training and audit reward of the audited responses of each step."""
    steps: dict[int, list[tuple[float, float]]] = {}
    for one in audited:
        if one.audit is not None:
            steps.setdefault(one.step, []).append((one.train, one.audit))
    return {step: (fmean(t for t, _ in found), fmean(a for _, a in found))
            for step, found in sorted(steps.items())}  # fmt: skip


def _scaled(value: float, scale: float) -> float:
    return value / scale if scale else 0.0
