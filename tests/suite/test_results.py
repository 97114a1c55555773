import pytest

from guerdon.suite.results import bootstrap, difference, pooled, result_of
from guerdon.types import Episode, Task


def episode(number: int, score: float | None, calls: float = 1.0) -> Episode:
    task = Task(str(number), ())
    if score is None:
        return Episode(task, error="RewardError: no")
    metrics = {"score": score, "executed": 1.0, "valid": 1.0, "calls": calls, "usd": 0.25}
    return Episode(task, metrics=metrics)


def test_means_are_over_episodes_that_have_a_score() -> None:
    found = result_of([episode(1, 1.0), episode(2, 0.0, calls=3), episode(3, None)])
    assert found is not None
    assert (found.score, found.rows, found.errors, found.calls, found.usd) == (0.5, 2, 1, 2, 0.25)
    assert result_of([episode(1, None)]) is None


def test_the_interval_holds_the_mean_and_shrinks_with_the_rows() -> None:
    few, many = bootstrap([0.0, 1.0] * 10), bootstrap([0.0, 1.0] * 1000)
    assert few[0] < many[0] < 0.5 < many[1] < few[1]
    assert many == pytest.approx((0.478, 0.522), abs=0.003)  # 1.96 sqrt(0.25 / 2000)
    assert bootstrap([1.0, 1.0]) == (1.0, 1.0)
    assert bootstrap([0.0, 1.0], seed=3) == bootstrap([0.0, 1.0], seed=3)


def test_a_difference_is_over_the_tasks_that_both_have() -> None:
    ours = result_of([episode(1, 1.0), episode(2, 1.0), episode(3, 0.0)])
    other = result_of([episode(1, 0.0), episode(2, 1.0)])
    assert ours is not None and other is not None
    assert difference(ours, other)["mean"] == 0.5


def test_data_sets_weigh_the_same_in_the_mean() -> None:
    one = result_of([episode(1, 1.0)])
    two = result_of([episode(n, 0.0) for n in range(9)])
    assert one is not None and two is not None
    assert pooled([one, two])["score"] == 0.5
