"""Watch a run for the ways in which policies collapse, and say once what it is and what helps.

Every sign is a number of metrics.jsonl over some steps, so a resumed run sees what the whole run
would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

Values = Sequence[float]
"""One metric, step by step."""

_START = 10
"""Steps at the beginning that later ones are compared with."""
_LONG = 10
"""Steps in a row that make a sign."""
_RECENT = 100
"""Steps before those whose median is what is usual."""


@dataclass(frozen=True)
class Sign:
    """One way to collapse: when it is seen, and what to try."""

    name: str
    metric: str
    """Of metrics.jsonl."""
    seen: Callable[[Values], bool]
    meaning: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.meaning}. {self.remedy}"


def _fell(to: float) -> Callable[[Values], bool]:
    """The last steps all lie below ``to`` times the mean of the first."""

    def seen(values: Values) -> bool:
        bound = to * fmean(values[:_START])
        enough = len(values) >= _START + _LONG
        return enough and bound > 0 and max(values[-_LONG:]) < bound

    return seen


def _rose(above: float) -> Callable[[Values], bool]:
    """The last steps all lie above, and the first did not."""

    def seen(values: Values) -> bool:
        enough = len(values) >= _START + _LONG
        return enough and fmean(values[:_START]) <= above and min(values[-_LONG:]) > above

    return seen


def _spiked(times: float) -> Callable[[Values], bool]:
    """Of the last steps at least three lie that far above the median of those before them."""

    def seen(values: Values) -> bool:
        before = values[-_LONG - _RECENT : -_LONG]
        if len(before) < _START:
            return False
        bound = times * median(before)
        return sum(value > bound for value in values[-_LONG:]) >= 3

    return seen


def _all_of_last(count: int, holds: Callable[[float], bool]) -> Callable[[Values], bool]:
    return lambda values: len(values) >= count and all(map(holds, values[-count:]))


SIGNS = (
    Sign(
        "in_group_std",
        "rollout/in_group_std",
        _fell(to=0.1),
        "returns inside groups hardly differ any more (below a tenth of the first steps, for "
        f"{_LONG} steps), so there is little left to learn from",
        "If the reward is still low the policy repeats itself: raise kl_coef or the temperature, "
        "lower learner.lr, or set trainer.group_filter={keep: top_p, value: 0.9}",
    ),
    Sign(
        "entropy",
        "policy/entropy",
        _fell(to=0.1),
        f"the policy's entropy fell below a tenth of what it was, for {_LONG} steps",
        "It has stopped exploring: raise kl_coef or entropy_coef, or lower learner.lr",
    ),
    Sign(
        "repetition",
        "rollout/repetition",
        _rose(above=0.5),
        f"more than half of what the policy writes repeats itself, for {_LONG} steps",
        "Raise kl_coef, lower learner.lr, or penalise length; look at `guerdon show RUN`",
    ),
    Sign(
        "gradient",
        "policy/grad_norm",
        _spiked(times=10.0),
        "the gradient norm jumped to ten times its median, three times within "
        f"{_LONG} steps: the mark of a collapse that does not heal",
        "Go back to an earlier checkpoint with a lower learner.lr or learner.max_grad_norm",
    ),
    Sign(
        "no_success",
        "eval/success",
        _all_of_last(5, lambda value: value < 0.01),
        "held-out success stayed below 1 % in five evaluations",
        "The task may be too hard to start from: warm up on demonstrations (warmup:), begin with "
        "easier tasks, or look at the episodes with `guerdon show RUN --eval`",
    ),
    Sign(
        "no_updates",
        "policy/skipped_updates",
        _all_of_last(5, lambda value: value >= 1.0),
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
        self._values: dict[str, list[float]] = {sign.metric: [] for sign in SIGNS}
        self._told: set[str] = set()
        for row in rows:
            self.step(row)

    def step(self, row: Mapping[str, Any]) -> list[Sign]:
        """The signs that are seen with this row for the first time."""
        for metric, values in self._values.items():
            if row.get(metric) is not None:
                values.append(row[metric])
        new = [
            sign
            for sign in SIGNS
            if sign.name not in self._told
            and row.get(sign.metric) is not None
            and sign.seen(self._values[sign.metric])
        ]
        self._told |= {sign.name for sign in new}
        return new
