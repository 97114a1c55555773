"""Agreement, precision, recall and kappa, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.trust.agreement import Pair, agree, share, wilson

FIVE = [Pair(str(i), *pair) for i, pair in enumerate(["11", "11", "10", "01", "00"])]
"""Label and verdict: two hits, a miss, a false alarm, a rejection."""


def test_two_hits_a_miss_a_false_alarm_and_a_rejection() -> None:
    found = agree(FIVE)
    assert found.n == 5
    assert found.agreement.value == pytest.approx(3 / 5)
    assert found.precision and found.precision.value == pytest.approx(2 / 3)
    assert found.recall and found.recall.value == pytest.approx(2 / 3)
    assert found.kappa and found.kappa.value == pytest.approx((0.6 - 0.52) / 0.48)


def test_each_class_has_its_own_numbers() -> None:
    wrong = agree(FIVE).classes["0"]
    assert wrong.precision and wrong.precision.value == pytest.approx(1 / 2)
    assert wrong.recall and wrong.recall.value == pytest.approx(1 / 2)


def test_precision_of_a_verdict_never_given_is_not_a_number() -> None:
    found = agree([Pair("a", "1", "0"), Pair("b", "0", "0")])
    assert found.precision is None
    assert found.to_json()["precision"] == {"value": None, "ci95": None}
    assert found.recall and found.recall.value == 0.0


def test_kappa_is_undefined_where_there_is_one_class() -> None:
    assert agree([Pair("a", "1", "1")]).kappa is None


def test_several_classes_are_averaged_and_kappa_is_over_all() -> None:
    pairs = [Pair(str(i), *pair) for i, pair in enumerate(["11", "22", "tt", "12"])]
    found = agree(pairs)
    assert found.precision and found.precision.value == pytest.approx((1 + 0.5 + 1) / 3)
    assert found.recall and found.recall.value == pytest.approx((0.5 + 1 + 1) / 3)
    chance = (2 * 1 + 1 * 2 + 1 * 1) / 16
    assert found.kappa and found.kappa.value == pytest.approx((0.75 - chance) / (1 - chance))


def test_wilsons_interval_of_a_perfect_hundred() -> None:
    low, high = wilson(1.0, 100.0)
    assert low == pytest.approx(1 / (1 + 1.96**2 / 100))
    assert high == 1.0


def test_responses_to_one_task_that_always_agree_count_less() -> None:
    alone = share((str(i), i % 2 == 0) for i in range(8))
    together = share((str(i // 2), i // 2 % 2 == 0) for i in range(8))
    assert alone and together and alone.value == together.value == 0.5
    assert alone.ci95 == pytest.approx(wilson(0.5, 8.0))
    assert together.ci95 == pytest.approx(wilson(0.5, 3.0))  # p (1-p) / (4/3 * 4 / 8^2) = 3


def test_where_everything_agrees_tasks_are_counted() -> None:
    found = share((str(i // 4), True) for i in range(40))
    assert found and found.ci95 == pytest.approx(wilson(1.0, 10.0))


def test_nothing_to_count_has_no_share() -> None:
    assert share([]) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("01"), st.sampled_from("01")),
                min_size=1))  # fmt: skip
def test_every_estimate_is_within_its_interval_and_relabelling_changes_nothing(rows) -> None:
    pairs = [Pair(str(task), label, verdict) for task, label, verdict in rows]
    found = agree(pairs)
    for one in (found.agreement, found.precision, found.recall, found.kappa):
        if one is not None:
            assert one.ci95[0] <= one.value <= one.ci95[1]
    other = agree([Pair(p.task, str(1 - int(p.label)), str(1 - int(p.verdict))) for p in pairs])
    assert other.agreement == found.agreement
    assert (other.kappa is None) == (found.kappa is None)
    if found.kappa and other.kappa:
        assert other.kappa.value == pytest.approx(found.kappa.value)
