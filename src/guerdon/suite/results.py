"""What a method achieved on a data set: means with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from guerdon.types import Episode

RESAMPLES = 2000


@dataclass(frozen=True)
class Result:
    """One method on the rows of one data set. An episode that failed has no score and is left out
    of every mean."""

    score: float
    low: float
    high: float
    """95 % bootstrap interval of ``score``."""
    executed: float
    """Share of workflows that ran to an answer."""
    valid: float
    """Share of workflows that were valid, after repair; no other is run."""
    calls: float
    """Mean calls of the executor."""
    usd: float
    """Mean list price of them."""
    rows: int
    errors: int
    scores: Mapping[str, float] = field(default_factory=dict, repr=False)
    """By task, for paired comparisons."""


def result_of(episodes: Sequence[Episode], seed: int = 0) -> Result | None:
    """The result; None where every episode failed."""
    scored = [episode for episode in episodes if not episode.error]
    if not scored:
        return None
    scores = [episode.metrics["score"] for episode in scored]
    low, high = bootstrap(scores, seed)
    return Result(
        score=fmean(scores),
        low=low,
        high=high,
        executed=fmean(episode.metrics["executed"] for episode in scored),
        valid=fmean(episode.metrics["valid"] for episode in scored),
        calls=fmean(episode.metrics["calls"] for episode in scored),
        usd=fmean(episode.metrics["usd"] for episode in scored),
        rows=len(scored),
        errors=len(episodes) - len(scored),
        scores={e.task.id: e.metrics["score"] for e in scored},
    )


def bootstrap(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of the mean over `RESAMPLES` resamples.

    Source: Efron 1979.
    """
    given = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(seed).integers(0, len(given), (RESAMPLES, len(given)))
    low, high = np.quantile(given[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def difference(one: Result, other: Result, seed: int = 0) -> dict[str, float]:
    """Mean difference of scores over the tasks both have, with its bootstrap interval."""
    shared = [task for task in one.scores if task in other.scores]
    values = [one.scores[task] - other.scores[task] for task in shared]
    low, high = bootstrap(values, seed)
    return {"mean": fmean(values), "low": low, "high": high}


def pooled(results: Sequence[Result]) -> dict[str, float]:
    """Means over data sets, each weighing the same."""
    names = ("score", "executed", "valid", "calls", "usd")
    return {name: fmean(getattr(one, name) for one in results) for name in names}


def to_json(result: Result, *, with_scores: bool = False) -> dict[str, Any]:
    """A result as JSON has it."""
    record = asdict(result)
    if not with_scores:
        del record["scores"]
    return record
