"""Watch a run for the ways in which policies collapse, and say once what it is and what helps.

Every sign is a number of metrics.jsonl over some steps, so a resumed run sees what the whole run
would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

Rows = Sequence[Mapping[str, Any]]

_START = 10
"""Steps at the beginning that later ones are compared with."""
_LONG = 10
"""Steps in a row that make a sign."""


@dataclass(frozen=True)
class Sign:
    """One way to collapse: when it is seen, and what to try."""

    name: str
    seen: Callable[[Rows], bool]
    meaning: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.meaning}. {self.remedy}"


def _column(rows: Rows, name: str) -> list[float]:
    return [row[name] for row in rows if row.get(name) is not None]


def _fell(name: str, to: float) -> Callable[[Rows], bool]:
    """The last steps all lie below ``to`` times the mean of the first."""

    def seen(rows: Rows) -> bool:
        values = _column(rows, name)
        if len(values) < _START + _LONG:
            return False
        bound = to * fmean(values[:_START])
        return bound > 0 and all(value < bound for value in values[-_LONG:])

    return seen


def _rose(name: str, to: float) -> Callable[[Rows], bool]:
    """The last steps all lie above ``to``, and the first did not."""

    def seen(rows: Rows) -> bool:
        values = _column(rows, name)
        if len(values) < _START + _LONG or fmean(values[:_START]) > to:
            return False
        return all(value > to for value in values[-_LONG:])

    return seen


def _spiked(name: str, times: float) -> Callable[[Rows], bool]:
    """Of the last steps at least three lie that far above the median of those before them."""

    def seen(rows: Rows) -> bool:
        values = _column(rows, name)
        before, last = values[:-_LONG], values[-_LONG:]
        if len(before) < _START:
            return False
        return sum(value > times * median(before) for value in last) >= 3

    return seen


def _low(name: str, below: float, count: int) -> Callable[[Rows], bool]:
    def seen(rows: Rows) -> bool:
        values = _column(rows, name)
        return len(values) >= count and all(value < below for value in values[-count:])

    return seen


def _high(name: str, at_least: float, count: int) -> Callable[[Rows], bool]:
    def seen(rows: Rows) -> bool:
        values = _column(rows, name)
        return len(values) >= count and all(value >= at_least for value in values[-count:])

    return seen


SIGNS = (
    Sign(
        "in_group_std",
        _fell("rollout/in_group_std", 0.1),
        "returns inside groups hardly differ any more (below a tenth of the first steps, for "
        f"{_LONG} steps), so there is little left to learn from",
        "If the reward is still low the policy repeats itself: raise kl_coef or the temperature, "
        "lower learner.lr, or set trainer.group_filter={keep: top_p, value: 0.9}",
    ),
    Sign(
        "entropy",
        _fell("policy/entropy", 0.1),
        f"the policy's entropy fell below a tenth of what it was, for {_LONG} steps",
        "It has stopped exploring: raise kl_coef or entropy_coef, or lower learner.lr",
    ),
    Sign(
        "repetition",
        _rose("rollout/repetition", 0.5),
        f"more than half of what the policy writes repeats itself, for {_LONG} steps",
        "Raise kl_coef, lower learner.lr, or penalise length; look at `guerdon show RUN`",
    ),
    Sign(
        "gradient",
        _spiked("policy/grad_norm", 10.0),
        "the gradient norm jumped to ten times its median, three times within "
        f"{_LONG} steps: the mark of a collapse that does not heal",
        "Go back to an earlier checkpoint with a lower learner.lr or learner.max_grad_norm",
    ),
    Sign(
        "no_success",
        _low("eval/success", 0.01, 5),
        "held-out success stayed below 1 % in five evaluations",
        "The task may be too hard to start from: warm up on demonstrations (warmup:), begin with "
        "easier tasks, or look at the episodes with `guerdon show RUN --eval`",
    ),
    Sign(
        "no_updates",
        _high("policy/skipped_updates", 1.0, 5),
        "five steps in a row had nothing to learn from: every group's returns were equal",
        "Raise trainer.group_size or the temperature, or choose tasks that are neither always "
        "solved nor never",
    ),
)


class Watch:
    """Tells each sign once.

    Args:
        rows: metrics of the steps that are done, when a run goes on.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._rows: list[Mapping[str, Any]] = []
        self._told: set[str] = set()
        for row in rows:
            self.step(row)

    def step(self, row: Mapping[str, Any]) -> list[Sign]:
        """The signs that are seen with this row for the first time."""
        self._rows.append(row)
        new = [s for s in SIGNS if s.name not in self._told and s.seen(self._rows)]
        self._told |= {sign.name for sign in new}
        return new
