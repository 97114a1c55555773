"""What a reward's values mean, by labels: thresholds, reliability, and its habits.

Everything is a function of scored examples; nothing asks a model.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev

from guerdon.trust.agreement import Z95, Agreement, Estimate, Pair, agree, share
from guerdon.trust.scoring import Case
from guerdon.types import derive_seed

BINS = 10
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One response: its reward, whether it is right by its label, and how long it is."""

    task: str
    domain: str
    value: float
    is_right: bool
    num_chars: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which reward on a response is best taken for right."""

    right_at: float
    fitted: Agreement
    """On the responses it was fitted to."""
    held_out: Agreement | None
    """On responses of tasks it was not fitted to, by cross-validation; None: too few tasks."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Responses of about the same reward: how many, their mean reward, how often they are right."""

    n: int
    value: float
    right: Estimate


@dataclass(frozen=True, slots=True)
class Source:
    """What is known about the responses of one data source."""

    n: int
    threshold: Threshold | None
    """None: all are right, or all are wrong."""
    auc: float | None
    """How often a right response earns more than a wrong one; ties count half."""
    bins: tuple[Bin, ...]
    ece: float | None
    """Expected calibration error: the mean distance of reward and share of right ones; None where
    rewards leave [0, 1]."""
    length_bias: Estimate | None
    """Rank correlation of reward and length among responses of the same label."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the order of two responses does to a judge, by comparisons in both orders.

    A judge that says "first" whatever it sees with probability b, and is otherwise wrong with
    probability e, says "first" with p1 = b + (1 - b)(1 - e) where the first shown is better, and
    with p2 = b + (1 - b) e where it is worse. So b = p1 + p2 - 1, and e = (1 - (p1 - p2) / (1 - b))
    / 2. One that prefers the second place has a negative b, and |b| stands in the formula for e. A
    tie counts half.
    """

    n: int
    flips: Estimate
    """How often the verdict changes with the order."""
    ties: float
    """Share of verdicts that are a tie."""
    position_bias: float | None
    """b; None: no label says which response is better."""
    noise: float | None
    """e; None where b is unknown, or decides everything."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """What happens when the same is scored again with other seeds."""

    n: int
    samples: int
    same: Estimate
    """How often all verdicts are the same."""
    spread: float
    """Mean standard deviation of the rewards of one response; 0 for comparisons."""


def points_of(cases: Iterable[Case]) -> list[Point]:
    """The examples of one response that were scored, and whose label is right or wrong."""
    return [
        Point(
            case.labelled.task.id,
            case.labelled.task.domain,
            case.rewards[0].value,
            case.labelled.label == "1",
            len(case.labelled.responses[0]),
        )
        for case in cases
        if len(case.rewards) == 1 and case.labelled.label in ("0", "1")
    ]


def by_source(points: Sequence[Point]) -> dict[str, Source]:
    """Every data source on its own, and "all" where there are several."""
    grouped: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        grouped[point.domain].append(point)
    found = {name: describe(group) for name, group in sorted(grouped.items())}
    return {"all": describe(points)} | found if len(found) > 1 else found


def describe(points: Sequence[Point]) -> Source:
    """One data source."""
    bins = reliability(points)
    in_range = all(0.0 <= point.value <= 1.0 for point in points)
    ece = sum(b.n * abs(b.value - b.right.value) for b in bins) / len(points) if in_range else None
    return Source(len(points), fit_threshold(points), auc(points), bins, ece, length_bias(points))


def fit_threshold(points: Sequence[Point]) -> Threshold | None:
    """The threshold with the largest kappa; of equal ones the middle of the widest gap."""
    right_at = _best(points)
    if right_at is None:
        return None
    pairs: list[Pair] = []
    for fold in range(FOLDS):
        rest = [p for p in points if derive_seed("fold", p.task) % FOLDS != fold]
        fitted = _best(rest)
        if fitted is not None:
            out = [p for p in points if derive_seed("fold", p.task) % FOLDS == fold]
            pairs += _verdicts(out, fitted)
    held_out = agree(pairs) if len(pairs) == len(points) else None
    return Threshold(right_at, agree(_verdicts(points, right_at)), held_out)


def _best(points: Sequence[Point]) -> float | None:
    """kappa's maximum over the gaps between values, in one pass over the sorted values."""
    n, num_right = len(points), sum(point.is_right for point in points)
    if num_right in (0, n):
        return None
    by_value: dict[float, list[bool]] = defaultdict(list)
    for point in points:
        by_value[point.value].append(point.is_right)
    values = sorted(by_value)
    below, right_below, best = 0, 0, (-math.inf, 0.0, values[0])
    for low, high in pairwise(values):
        below += len(by_value[low])
        right_below += sum(by_value[low])
        same = (below - right_below + num_right - right_below) / n
        chance = (below * (n - num_right) + (n - below) * num_right) / n**2
        kappa = (same - chance) / (1 - chance)
        best = max(best, (round(kappa, 12), high - low, (low + high) / 2))
    return best[2]


def _verdicts(points: Iterable[Point], right_at: float) -> list[Pair]:
    return [Pair(p.task, str(int(p.is_right)), str(int(p.value >= right_at))) for p in points]


def auc(points: Sequence[Point]) -> float | None:
    """The area under the ROC curve; None where all responses are right, or wrong."""
    num_right = sum(point.is_right for point in points)
    num_wrong = len(points) - num_right
    if not num_right or not num_wrong:
        return None
    ranks = _ranks([point.value for point in points])
    total = sum(rank for rank, point in zip(ranks, points, strict=True) if point.is_right)
    return (total - num_right * (num_right + 1) / 2) / (num_right * num_wrong)


def reliability(points: Sequence[Point]) -> tuple[Bin, ...]:
    """Responses by reward: a bin for each value where there are few, else `BINS` of equal width."""
    values = [point.value for point in points]
    low, high, distinct = min(values), max(values), sorted(set(values))
    bins: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        place = int((point.value - low) / (high - low) * BINS) if high > low else 0
        few = len(distinct) <= BINS
        bins[distinct.index(point.value) if few else min(place, BINS - 1)].append(point)
    found = []
    for _, group in sorted(bins.items()):
        right = share((point.task, point.is_right) for point in group)
        assert right is not None
        found.append(Bin(len(group), fmean(point.value for point in group), right))
    return tuple(found)


def length_bias(points: Sequence[Point]) -> Estimate | None:
    """Spearman's rank correlation of reward and length within each label, weighted by its size.

    Ranks are taken among responses of the same label, so that longer answers being right more often
    is no bias. None where rewards or lengths do not vary. The interval is Fisher's.
    """
    rhos, weights = [], []
    for is_right in (False, True):
        group = [point for point in points if point.is_right == is_right]
        rho = _spearman(group)
        if rho is not None:
            rhos.append(rho)
            weights.append(len(group) - 3)
    if not weights:
        return None
    rho = sum(r * w for r, w in zip(rhos, weights, strict=True)) / sum(weights)
    centre, half = math.atanh(max(-0.999999, min(0.999999, rho))), Z95 / math.sqrt(sum(weights))
    return Estimate(rho, (math.tanh(centre - half), math.tanh(centre + half)))


def _spearman(points: Sequence[Point]) -> float | None:
    if len(points) < 5:
        return None
    a = _ranks([point.value for point in points])
    b = _ranks([float(point.num_chars) for point in points])
    spread = pstdev(a) * pstdev(b)
    if spread == 0:
        return None
    mean_a, mean_b = fmean(a), fmean(b)
    return fmean((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / spread


def _ranks(values: Sequence[float]) -> list[float]:
    """1 for the smallest; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return ranks


def order_effect(cases: Sequence[Case]) -> Order | None:
    """What the order does, from comparisons made in both; None: there are none."""
    flipped: list[tuple[str, bool]] = []
    says_first: dict[bool, list[float]] = {True: [], False: []}  # by: the first shown is better
    num_ties = 0
    for case in cases:
        if case.compared is None or case.compared.swapped is None:
            continue
        both = case.compared.in_order, case.compared.swapped
        flipped.append((case.labelled.task.id, both[0] != both[1]))
        num_ties += both.count("tie")
        for verdict, shown_first in zip(both, "12", strict=True):
            if case.labelled.label != "tie":
                first = 0.5 if verdict == "tie" else float(verdict == shown_first)
                says_first[case.labelled.label == shown_first].append(first)
    flips = share(flipped)
    if flips is None:
        return None
    bias = noise = None
    if says_first[True]:
        p1, p2 = fmean(says_first[True]), fmean(says_first[False])
        bias = p1 + p2 - 1
        noise = (1 - (p1 - p2) / (1 - abs(bias))) / 2 if abs(bias) < 1 else None
    return Order(len(flipped), flips, num_ties / (2 * len(flipped)), bias, noise)


def longer_preferred(cases: Sequence[Case]) -> tuple[Estimate, Estimate] | None:
    """How often the longer of two responses wins, by the reward and by the labels, where neither
    says tie and lengths differ."""
    by_reward, by_label = [], []
    for case in cases:
        pair = case.pair()
        if pair is None or len(case.labelled.responses) != 2 or "tie" in (pair.label, pair.verdict):
            continue
        first, second = map(len, case.labelled.responses)
        if first != second:
            longer = "1" if first > second else "2"
            by_reward.append((pair.task, pair.verdict == longer))
            by_label.append((pair.task, pair.label == longer))
    ours, theirs = share(by_reward), share(by_label)
    return None if ours is None or theirs is None else (ours, theirs)


def consistency(rounds: Sequence[Sequence[Case]], right_at: float) -> Consistency | None:
    """What several rounds over the same examples agree on; None with a single round."""
    if len(rounds) < 2:
        return None
    outcomes, spreads = [], []
    for again in zip(*rounds, strict=True):
        pairs = [case.pair(right_at) for case in again]
        verdicts = {pair.verdict for pair in pairs if pair is not None}
        if all(pair is not None for pair in pairs):
            outcomes.append((again[0].labelled.task.id, len(verdicts) == 1))
            values = [[reward.value for reward in case.rewards] for case in again]
            spreads += [pstdev(each) for each in zip(*values, strict=True)]
    same = share(outcomes)
    if same is None:
        return None
    return Consistency(len(outcomes), len(rounds), same, fmean(spreads) if spreads else 0.0)


def thresholds(sources: Mapping[str, Source]) -> dict[str, float]:
    """The fitted thresholds by data source, of those that have one."""
    return {name: s.threshold.right_at for name, s in sources.items() if s.threshold is not None}
