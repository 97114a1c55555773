"""How well verdicts agree with labels: agreement, precision, recall and Cohen's kappa, each with a
95 % interval.

Responses to one task are not independent, so intervals count tasks: the size of a sample is what it
would be if its responses were.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Pair:
    """One verdict beside its label; pairs of equal ``task`` are not independent."""

    task: str
    label: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    ci95: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """``{"value", "ci95"}``."""
        return {"value": self.value, "ci95": list(self.ci95)}

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.ci95[0]:.3f} to {self.ci95[1]:.3f})"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What verdicts are worth. None: not defined, such as the precision of a verdict never given.

    Of labels "1" and "0" alone, precision and recall are those of "1"; otherwise they are the means
    over classes. ``classes`` has each class against the rest.
    """

    n: int
    agreement: Estimate
    precision: Estimate | None
    recall: Estimate | None
    kappa: Estimate | None
    classes: Mapping[str, Agreement] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Numbers with their intervals; null where not defined."""
        names = ("agreement", "precision", "recall", "kappa")
        found: dict[str, Any] = {"n": self.n}
        for name in names:
            estimate: Estimate | None = getattr(self, name)
            empty = {"value": None, "ci95": None}
            found[name] = empty if estimate is None else estimate.to_json()
        if self.classes:
            found["classes"] = {name: one.to_json() for name, one in self.classes.items()}
        return found


def agree(pairs: Sequence[Pair]) -> Agreement:
    """Compare verdicts with labels; there must be at least one pair."""
    assert pairs, "no pairs to compare"
    labels = {pair.label for pair in pairs}
    found = sorted(labels | {pair.verdict for pair in pairs})
    if set(found) <= {"0", "1"}:
        whole = _one_class(pairs, "1")
        classes = {name: _one_class(pairs, name) for name in found}
        return Agreement(
            whole.n, whole.agreement, whole.precision, whole.recall, whole.kappa, classes
        )
    classes = {name: _one_class(pairs, name) for name in found}
    same = share((pair.task, pair.label == pair.verdict) for pair in pairs)
    assert same is not None
    return Agreement(
        n=len(pairs),
        agreement=same,
        precision=_mean(one.precision for one in classes.values()),
        recall=_mean(one.recall for one in classes.values()),
        kappa=kappa(pairs, same),
        classes=classes,
    )


def kappa(pairs: Sequence[Pair], agreement: Estimate) -> Estimate | None:
    """kappa = (p_o - p_e) / (1 - p_e): agreement beyond that of two raters who know only how often
    each class comes.

    The interval is that of p_o, p_e taken as known. None where one class is all there is.

    Source: Cohen 1960, eq. 1 and 9.
    """
    n = len(pairs)
    said, meant = Counter(pair.verdict for pair in pairs), Counter(pair.label for pair in pairs)
    chance = sum(said[name] * meant[name] for name in said) / n**2
    if chance >= 1.0:
        return None
    low, high = (max(-1.0, (bound - chance) / (1 - chance)) for bound in agreement.ci95)
    return Estimate((agreement.value - chance) / (1 - chance), (low, high))


def share(outcomes: Iterable[tuple[str, bool]]) -> Estimate | None:
    """How often something holds; None if there is nothing to count.

    Args:
        outcomes: (task, whether it held).
    """
    sizes: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for task, held in outcomes:
        sizes[task] += 1
        hits[task] += held
    n = sizes.total()
    if n == 0:
        return None
    p = hits.total() / n
    return Estimate(p, wilson(p, _independent(sizes, hits, p)))


def wilson(p: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share ``p`` of ``n`` independent cases, honest near 0 and 1.

    Source: Wilson 1927.
    """
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    return min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half))


def _independent(sizes: Counter[str], hits: Counter[str], p: float) -> float:
    """How many independent cases tell as much as these: n over the design effect of tasks.

    Where every case agrees the effect cannot be seen, and tasks are counted.

    Source: Kish 1965, chapter 5: n_eff = p (1 - p) / var(p), var of the ratio sum hits / sum sizes.
    """
    n, num_tasks = sizes.total(), len(sizes)
    if num_tasks == n:
        return float(n)
    if p in (0.0, 1.0) or num_tasks == 1:
        return float(num_tasks)
    squares = sum((hits[task] - p * size) ** 2 for task, size in sizes.items())
    variance = num_tasks / (num_tasks - 1) * squares / n**2
    return float(n) if variance == 0 else min(float(n), p * (1 - p) / variance)


def _one_class(pairs: Sequence[Pair], name: str) -> Agreement:
    """One class against the rest."""
    binary = [Pair(p.task, str(p.label == name), str(p.verdict == name)) for p in pairs]
    same = share((pair.task, pair.label == pair.verdict) for pair in binary)
    assert same is not None
    said = [(p.task, p.label == name) for p in pairs if p.verdict == name]
    meant = [(p.task, p.verdict == name) for p in pairs if p.label == name]
    return Agreement(len(pairs), same, share(said), share(meant), kappa(binary, same))


def _mean(estimates: Iterable[Estimate | None]) -> Estimate | None:
    """The mean over the classes that have one, distances to the bounds added in squares.

    Source: Zou and Donner 2008, doi:10.1002/sim.3095.
    """
    known = [one for one in estimates if one is not None]
    if not known:
        return None
    k, value = len(known), sum(one.value for one in known) / len(known)
    below = math.sqrt(sum((one.value - one.ci95[0]) ** 2 for one in known)) / k
    above = math.sqrt(sum((one.ci95[1] - one.value) ** 2 for one in known)) / k
    return Estimate(value, (value - below, value + above))
