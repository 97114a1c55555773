"""Thresholds, reliability, length bias, order effect and consistency."""

import random
from collections.abc import Sequence

import pytest

from guerdon.data.labelled import Labelled
from guerdon.trust.calibration import (
    Point,
    auc,
    by_source,
    consistency,
    fit_threshold,
    length_bias,
    longer_preferred,
    order_effect,
    points_of,
    reliability,
)
from guerdon.trust.scoring import Case
from guerdon.types import Reward
from trust_parts import Said, task


def points(values: Sequence[float], rights: Sequence[int], lengths: Sequence[int] | None = None):
    lengths = lengths or [1] * len(values)
    rows = zip(values, rights, lengths, strict=True)
    return [Point(str(i), "d", float(v), bool(r), n) for i, (v, r, n) in enumerate(rows)]


def test_the_threshold_stands_in_the_middle_of_the_gap_that_separates() -> None:
    found = fit_threshold(points([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]))
    assert found and found.right_at == pytest.approx(0.5)
    assert found.fitted.kappa and found.fitted.kappa.value == 1.0


def test_there_is_no_threshold_between_labels_that_are_all_the_same() -> None:
    assert fit_threshold(points([0.1, 0.9], [1, 1])) is None


def test_held_out_agreement_of_noise_is_below_the_fitted_one() -> None:
    draw = random.Random(0)
    noise = points([draw.random() for _ in range(200)], [draw.randrange(2) for _ in range(200)])
    found = fit_threshold(noise)
    assert found and found.held_out and found.fitted.kappa and found.held_out.kappa
    assert found.held_out.kappa.value < found.fitted.kappa.value


def test_auc_counts_pairs_and_halves_ties() -> None:
    assert auc(points([1, 2, 2, 3], [0, 0, 1, 1])) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert auc(points([1, 2], [1, 1])) is None


def test_a_bin_for_each_value_where_there_are_few() -> None:
    bins = reliability(points([0, 0, 1, 1, 1], [0, 1, 1, 1, 0]))
    assert [(b.n, b.value, b.right.value) for b in bins] == [
        (2, 0, 0.5),
        (3, 1, pytest.approx(2 / 3)),
    ]


def test_calibration_error_is_the_mean_distance_of_reward_and_share_right() -> None:
    found = by_source(points([0.0] * 4 + [1.0] * 4, [0, 0, 0, 1, 1, 1, 1, 1]))["d"]
    assert found.ece == pytest.approx((4 * 0.25 + 4 * 0.0) / 8)
    assert by_source(points([0.0, 2.0], [0, 1]))["d"].ece is None


def test_length_bias_is_measured_within_a_label() -> None:
    lengths = [10, 20, 30, 40, 50, 60]
    longer_is_right = points([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], lengths)
    assert length_bias(longer_is_right) is None  # within a label no reward differs
    paid_by_length = points([1, 2, 3, 4, 5, 6], [1] * 6, lengths)
    found = length_bias(paid_by_length)
    assert found and found.value == pytest.approx(1.0)


def test_sources_are_described_apart_and_together() -> None:
    cases = [
        Case(Labelled(task(str(i), domain=d), ("r",), label), (Reward(value),))
        for i, (d, label, value) in enumerate([("a", "1", 1.0), ("a", "0", 0.0), ("b", "1", 0.5)])
    ]
    found = by_source(points_of(cases))
    assert {name: one.n for name, one in found.items()} == {"all": 3, "a": 2, "b": 1}


def comparisons(noise: float, bias: float, number: int = 2000) -> list[Case]:
    """A judge that picks what is shown first with ``bias`` (second, if negative), and is else wrong
    with ``noise``."""
    draw = random.Random(1)
    cases = []
    for i in range(number):
        label = draw.choice("12")

        def say(first: str, label: str = label) -> str:
            second = "2" if first == "1" else "1"
            if draw.random() < abs(bias):
                return first if bias > 0 else second
            return label if draw.random() >= noise else ("2" if label == "1" else "1")

        cases.append(
            Case(Labelled(task(str(i)), ("x", "yy"), label), compared=Said(say("1"), say("2")))
        )
    return cases


@pytest.mark.parametrize(("noise", "bias"), [(0.0, 0.0), (0.1, 0.3), (0.25, -0.2), (0.05, 0.6)])
def test_order_effect_recovers_noise_and_position_bias(noise: float, bias: float) -> None:
    found = order_effect(comparisons(noise, bias))
    assert found and found.position_bias is not None and found.noise is not None
    assert found.position_bias == pytest.approx(bias, abs=0.05)
    assert found.noise == pytest.approx(noise, abs=0.05)


def test_flips_are_counted() -> None:
    cases = [
        Case(Labelled(task(str(i)), ("x", "y"), "1"), compared=Said(*pair))
        for i, pair in enumerate([("1", "1"), ("1", "2"), ("2", "2"), ("tie", "1")])
    ]
    found = order_effect(cases)
    assert found and found.flips.value == 0.5 and found.ties == 1 / 8
    p1, p2 = (1 + 1 + 0 + 0.5) / 4, (0 + 1 + 1 + 0) / 4  # the label is always "1"
    assert found.position_bias == pytest.approx(p1 + p2 - 1)
    assert order_effect([]) is None


def test_preference_for_length_is_compared_with_that_of_the_labels() -> None:
    cases = [
        Case(Labelled(task(str(i)), responses, label), (Reward(float(a)), Reward(float(b))))
        for i, (responses, label, a, b) in enumerate(
            [(("x", "yy"), "1", 0, 1), (("xx", "y"), "1", 1, 0), (("x", "y"), "1", 1, 0)]
        )
    ]
    found = longer_preferred(cases)
    assert found and found[0].value == 1.0 and found[1].value == 0.5


def test_consistency_counts_examples_whose_verdict_never_changes() -> None:
    def rounds(*values):
        return [
            Case(Labelled(task(str(i)), ("x",), "1"), (Reward(v),)) for i, v in enumerate(values)
        ]

    found = consistency([rounds(1.0, 0.0), rounds(1.0, 1.0)], right_at=1.0)
    assert found and (found.n, found.samples, found.same.value, found.spread) == (2, 2, 0.5, 0.25)
    assert consistency([rounds(1.0)], right_at=1.0) is None
