"""Calibration as a record, as lines of text, and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from guerdon.trust import page
from guerdon.trust.agreement import Agreement, Estimate, agree
from guerdon.trust.calibration import (
    Consistency,
    Order,
    Source,
    by_source,
    consistency,
    longer_preferred,
    order_effect,
    points_of,
)
from guerdon.trust.scoring import Case, pairs_of


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that labels say about a reward. None, or empty: does not apply."""

    reward: str
    num_examples: int
    errors: int
    """Examples without a verdict; they are counted nowhere else."""
    agreement: Agreement
    sources: Mapping[str, Source]
    order: Order | None
    consistency: Consistency | None
    longer: tuple[Estimate, Estimate] | None
    """How often the longer of two responses wins, by the reward and by the labels."""

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, by the names of the fields."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        longer = self.longer
        found["longer"] = longer and {"by_reward": longer[0], "by_labels": longer[1]}
        plain: dict[str, Any] = _plain(found)
        return plain


def calibrate(
    reward: str, rounds: Sequence[Sequence[Case]], right_at: float = 1.0, tie_within: float = 0.0
) -> Calibration:
    """Describe a reward by what it said of labelled examples.

    Args:
        reward: its name.
        rounds: the same examples scored once, or several times with other seeds; all but the
            consistency is of the first round.

    Raises:
        RewardError: no example could be scored.
    """
    cases = rounds[0]
    points = points_of(cases)
    return Calibration(
        reward=reward,
        num_examples=len(cases),
        errors=sum(case.error is not None for case in cases),
        agreement=agree(pairs_of(cases, right_at, tie_within)),
        sources=by_source(points) if points else {},
        order=order_effect(cases),
        consistency=consistency(rounds, right_at),
        longer=longer_preferred(cases),
    )


def lines(found: Calibration) -> list[str]:
    """The essence, for a terminal."""
    head = f"{found.reward}: {found.num_examples} examples, {found.errors} without a verdict"
    told = [head, f"agreement with labels {found.agreement.agreement}, kappa "
                  f"{found.agreement.kappa or 'not defined'}"]  # fmt: skip
    for name, source in found.sources.items():
        fit = source.threshold
        at = "no threshold (one label only)" if fit is None else f"right at {fit.right_at:g}"
        kappa = fit and (fit.held_out or fit.fitted).kappa
        told.append(f"  {name}: {source.n} responses, {at}, kappa {kappa or 'not defined'}, "
                    f"AUC {_number(source.auc)}, calibration error {_number(source.ece)}, "
                    f"length bias {source.length_bias or 'not defined'}")  # fmt: skip
    return told + _habits(found)


def _habits(found: Calibration) -> list[str]:
    told = []
    if found.order is not None:
        order = found.order
        told.append(
            f"order: verdict flips with it {order.flips}, ties {order.ties:.3f}, position bias "
            f"{_number(order.position_bias)}, noise {_number(order.noise)}"
        )
    if found.consistency is not None:
        same = found.consistency
        told.append(f"self-consistency: {same.samples} times the same verdict {same.same}, "
                    f"standard deviation {same.spread:.3f}")  # fmt: skip
    if found.longer is not None:
        told.append(f"the longer response wins {found.longer[0]}; by the labels {found.longer[1]}")
    return told


def to_html(found: Calibration) -> str:
    """A page of its own."""
    parts = [
        page.paragraph(
            f"{found.num_examples} labelled examples; {found.errors} had no verdict and are "
            f"counted nowhere. Intervals are 95 % and count tasks, not responses."
        ),
        page.heading("Agreement with the labels"),
        page.table(("class", "n", "agreement", "precision", "recall", "kappa"),
                   [_agreement_row("all", found.agreement),
                    *(_agreement_row(n, one) for n, one in found.agreement.classes.items())]),
    ]  # fmt: skip
    if found.sources:
        parts += _sources(found.sources)
    if habits := _habits(found):
        parts += [page.heading("Habits"), *map(page.paragraph, habits)]
    return page.page(f"Calibration of {found.reward}", *parts)


def _agreement_row(name: str, one: Agreement) -> tuple[object, ...]:
    return name, one.n, *(str(e or "") for e in (one.agreement, one.precision, one.recall,
                                                 one.kappa))  # fmt: skip


def _sources(sources: Mapping[str, Source]) -> list[str]:
    columns = ("data source", "responses", "right at", "kappa there, held out", "AUC",
               "calibration error", "length bias")  # fmt: skip
    rows = []
    for name, one in sources.items():
        fit = one.threshold
        held_out = fit.held_out.kappa if fit and fit.held_out else None
        rows.append((name, one.n, fit and fit.right_at, str(held_out or ""), one.auc, one.ece,
                     str(one.length_bias or "")))  # fmt: skip
    parts = [page.heading("Thresholds by data source"), page.table(columns, rows)]
    parts.append(page.heading("Reliability: how often a response of a reward is right"))
    for name, one in sources.items():
        points = [(b.value, b.right.value) for b in one.bins]
        ranges = [(b.value, *b.right.ci95) for b in one.bins]
        parts += [page.paragraph(name), page.plot({name: points}, x="reward", y="share right",
                                                  ranges=ranges, y_span=(0.0, 1.0))]  # fmt: skip
    return parts


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate | Agreement):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
