"""What verdicts in both orders say about a judge."""

import pytest

from guerdon.errors import ConfigError
from guerdon.rewards.compare import Comparison
from guerdon.rewards.order_bias import order_report


def test_a_judge_that_is_always_right_has_no_bias_and_no_noise():
    report = order_report([Comparison("1", "1"), Comparison("2", "2")], ["1", "2"])
    assert (report.num, report.accuracy, report.call_accuracy) == (2, 1.0, 1.0)
    assert (report.flip_rate, report.position_bias, report.noise) == (0.0, 0.0, 0.0)


def test_a_judge_that_always_says_first_is_nothing_but_bias():
    report = order_report([Comparison("1", "2")] * 4, ["1", "2", "1", "2"])
    assert (report.accuracy, report.flip_rate, report.position_bias) == (0.5, 1.0, 1.0)
    assert order_report([Comparison("2", "1")] * 2, ["1", "2"]).position_bias == -1.0


def test_bias_and_noise_are_told_apart():
    # 20 pairs whose first is better; shown first it is preferred 16 times (p1 = 0.8), shown
    # second its opponent, then first, is preferred 8 times (p2 = 0.4): b = 0.2, e = (1 - 0.4/0.8)/2
    orders = [("1", "1")] * 12 + [("1", "2")] * 4 + [("2", "2")] * 4
    report = order_report([Comparison(*order) for order in orders], ["1"] * 20)
    assert report.position_bias == pytest.approx(0.2)
    assert report.noise == pytest.approx(0.25)
    assert report.flip_rate == pytest.approx(4 / 20)
    assert report.accuracy == pytest.approx((12 + 4 / 2) / 20)
    assert report.call_accuracy == pytest.approx((16 + 12) / 40)


def test_ties_count_half_and_pairs_without_a_better_response_do_not_count():
    pairs = [Comparison("tie", "tie"), Comparison("1", "1")]
    assert order_report(pairs, ["1", "tie"]).accuracy == 0.5


def test_without_both_orders_or_a_better_response_there_is_nothing_to_report():
    with pytest.raises(ConfigError, match="both orders"):
        order_report([Comparison("1")], ["1"])
    with pytest.raises(ConfigError, match="both orders"):
        order_report([Comparison("1", "1")], ["tie"])
