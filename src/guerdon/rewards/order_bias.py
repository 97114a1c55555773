"""What a judge's verdicts in both orders say about the judge: how often the order decides, how
often chance does, and how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from guerdon.errors import ConfigError
from guerdon.rewards.compare import Comparison, Preference


@dataclass(frozen=True, slots=True)
class OrderReport:
    """Of comparisons in both orders whose better response is known.

    A judge that says "first" whatever it sees with probability b, and otherwise is wrong with
    probability e, says "first" with p1 = b + (1 - b)(1 - e) when the first shown is better and with
    p2 = b + (1 - b) e when it is worse. So b = p1 + p2 - 1 and e = (1 - (p1 - p2) / (1 - b)) / 2.
    One that prefers the second place has a negative b, and |b| stands in the formula for e.
    """

    num: int
    """Comparisons; those whose label is a tie are left out."""
    accuracy: float
    """Share of winners in both orders that are the better response, a tie counting half."""
    call_accuracy: float
    """The same of single verdicts."""
    flip_rate: float
    """Share of comparisons whose verdict changed with the order."""
    position_bias: float
    """b: above 0 for what stands first, below 0 for what stands second."""
    noise: float
    """e: how often a verdict that the position did not decide is wrong."""


def order_report(comparisons: Sequence[Comparison], labels: Sequence[Preference]) -> OrderReport:
    """Sum up comparisons.

    Args:
        comparisons: in both orders.
        labels: which response of each is better.

    Raises:
        ConfigError: there is none with a better response, or an order was not asked for.
    """
    pairs = [(c, label) for c, label in zip(comparisons, labels, strict=True) if label != "tie"]
    if not pairs or any(c.swapped is None for c, _ in pairs):
        raise ConfigError("order_report: needs comparisons in both orders with a better response")
    when_better, when_worse = [], []
    for found, label in pairs:
        for verdict, shown_first in ((found.in_order, "1"), (found.swapped, "2")):
            says_first = 0.5 if verdict == "tie" else float(verdict == shown_first)
            (when_better if label == shown_first else when_worse).append(says_first)
    p1, p2 = fmean(when_better), fmean(when_worse)
    bias = p1 + p2 - 1
    return OrderReport(
        num=len(pairs),
        accuracy=fmean(c.points if label == "1" else 1 - c.points for c, label in pairs),
        call_accuracy=(p1 + 1 - p2) / 2,
        flip_rate=fmean(c.is_flipped for c, _ in pairs),
        position_bias=bias,
        noise=(1 - (p1 - p2) / (1 - abs(bias))) / 2 if abs(bias) < 1 else 0.0,
    )
