import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import RolloutError
from guerdon.train.evaluate import interval, pass_at, summarise
from guerdon.types import Episode, Reward, Task, Trajectory


def episode(task, success, reward=None, domain="default", error=None):
    if error:
        return Episode(Task(task, (), domain=domain), error=error)
    value = success if reward is None else reward
    row = Trajectory("policy", task, (), (), (), (), Reward(value))
    return Episode(Task(task, (), domain=domain), (row,), metrics={"success": success})


def test_wilsons_interval_by_hand():
    # p = 0.8, n = 10, z = 1.96: centre (0.8 + 0.19208) / 1.38416, half 0.24268 (Wilson 1927)
    low, high = interval([[1.0]] * 8 + [[0.0]] * 2)
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


def test_no_success_is_not_certainty():
    low, high = interval([[0.0]] * 200)
    assert low == 0.0
    assert 0.015 < high < 0.02


def test_several_tries_use_the_spread_between_tasks():
    # task means 0.5, 1, 0, 0.5: mean 0.5, s = 0.40825, half width 1.96 * s / 2 = 0.40008
    low, high = interval([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    assert (low, high) == (pytest.approx(0.09992, abs=1e-4), pytest.approx(0.90008, abs=1e-4))


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=4), min_size=1))
def test_an_interval_holds_the_mean_and_stays_within_zero_and_one(tries):
    low, high = interval(tries)
    mean = sum(sum(t) / len(t) for t in tries) / len(tries)
    assert 0.0 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1.0


def test_pass_at_k_by_hand():
    # one task, 1 of 4 right: pass@1 = 1/4, pass@2 = 1 - C(3,2)/C(4,2) = 1/2, pass@4 = 1
    assert pass_at([[1.0, 0.0, 0.0, 0.0]]) == {1: 0.25, 2: 0.5, 4: 1.0}


def test_pass_at_k_goes_no_further_than_the_fewest_tries():
    assert set(pass_at([[1.0, 0.0, 0.0], [0.0, 0.0]])) == {1, 2}


def test_failed_episodes_enter_no_mean():
    found = summarise([episode("a", 1.0), episode("b", 0.0), episode("c", 0, error="judge down")])
    assert (found.success, found.episodes, found.errors) == (0.5, 2, 1)


def test_nothing_scored_is_an_error_and_not_a_zero():
    with pytest.raises(RolloutError, match="judge down"):
        summarise([episode("a", 0, error="judge down")])


def test_success_is_none_where_the_environment_does_not_define_it():
    row = Trajectory("policy", "a", (), (), (), (), Reward(0.3))
    found = summarise([Episode(Task("a", ()), (row,))])
    assert found.success is None
    assert found.reward == pytest.approx(0.3)


def test_domains_are_told_apart():
    found = summarise([episode("a", 1.0, domain="math"), episode("b", 0.0, domain="code")])
    assert found.domains == {"code": 0.0, "math": 1.0}
    assert found.to_metrics()["eval/math/success"] == 1.0


def test_parts_of_the_reward_are_reported_beside_it():
    rows = [
        Trajectory("policy", t, (), (), (), (), Reward(1.0, parts))
        for t, parts in (("a", {"rule": 1.0, "flip": 1.0}), ("b", {"rule": 0.0}))
    ]
    found = summarise([Episode(Task(row.group, ()), (row,)) for row in rows])
    assert found.parts == {"rule": 0.5, "flip": 1.0}
    assert found.to_metrics()["eval/part/rule"] == 0.5
