import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.config.schema import GroupFilter, RewardNorm
from guerdon.train.select import keep_groups, normalise, spread
from guerdon.types import Episode, Reward, Task, Trajectory, Turn


def row(group, outcome, *turn_rewards):
    turns = tuple(
        Turn((), {"role": "assistant", "content": "x"}, (i, i + 1), reward=reward)
        for i, reward in enumerate(turn_rewards or (0.0,))
    )
    n = len(turns)
    return Trajectory("policy", group, turns, (1,) * n, (True,) * n, (0.0,) * n, Reward(outcome))


def pair(group, std):
    """Two rows whose returns have that standard deviation (over n) around 1."""
    return [row(group, 1 - std), row(group, 1 + std)]


FOUR = [*pair("a", 0.4), *pair("b", 0.0), *pair("c", 0.5), *pair("d", 0.1)]


def kept(rows, **settings):
    return sorted({found.group for found in keep_groups(rows, GroupFilter(**settings))})


@pytest.mark.parametrize(
    ("keep", "value", "groups"),
    [
        ("top_p", 0.9, "ac"),  # .5 + .4 reach .9 of 1.0
        ("top_p", 0.5, "c"),
        ("top_p", 1.0, "acd"),
        ("top_k", 1.0, "c"),
        ("top_k", 9.0, "acd"),
        ("frac", 0.25, "c"),
        ("frac", 1.0, "acd"),
        ("min_p", 0.5, "ac"),
    ],
)
def test_groups_that_differ_most_are_kept(keep, value, groups):
    assert "".join(kept(FOUR, keep=keep, value=value)) == groups


def test_groups_of_0_stay_only_if_asked_for():
    assert kept(FOUR, keep="frac", value=1.0, include_zero=True) == list("abcd")
    assert kept(pair("b", 0.0), keep="top_p", value=0.9) == []


def test_groups_may_be_chosen_by_their_mean():
    rows = [row("low", 0.1), row("low", 0.3), row("high", 0.9), row("high", 0.9)]
    assert kept(rows, keep="top_k", value=1.0, by="mean") == ["high"]


def test_rows_keep_their_order():
    mixed = [FOUR[0], FOUR[4], FOUR[1], FOUR[5]]
    assert keep_groups(mixed, GroupFilter(keep="top_p", value=1.0)) == mixed


@pytest.mark.parametrize(("keep", "value"), [("top_p", 0.0), ("top_p", 1.5), ("frac", -1.0)])
def test_a_value_that_cannot_be_is_refused(keep, value):
    with pytest.raises(ValueError, match=keep):
        GroupFilter(keep=keep, value=value)


def test_the_spread_inside_groups_is_reported():
    found = spread(FOUR)
    assert found["rollout/in_group_std"] == pytest.approx(0.25)
    assert found["rollout/flat_groups_frac"] == 0.25
    assert spread([]) == {}


def normalised(rows, domains=None, **settings):
    episodes = [
        Episode(Task("t", (), domain=(domains or {}).get(r.group, "default")), (r,)) for r in rows
    ]
    return normalise(rows, episodes, RewardNorm(**settings))


def test_returns_of_a_group_by_hand():
    rows = [row("g", value) for value in (1.0, 0.0, 0.0, 1.0)]
    found = [r.total_reward for r in normalised(rows)]
    assert found == pytest.approx([0.8660, -0.8660, -0.8660, 0.8660], abs=1e-4)


def test_rewards_of_turns_are_divided_and_the_mean_comes_off_the_outcome():
    rows = [row("g", 1.0, 1.0, 2.0), row("g", 0.0, 0.0)]  # returns 4 and 0, std 2.828
    first = normalised(rows)[0]
    assert [turn.reward for turn in first.turns] == pytest.approx([0.3536, 0.7071], abs=1e-4)
    assert first.total_reward == pytest.approx(2 / 2.8284, abs=1e-4)


def test_peers_are_the_group_the_domain_or_the_step():
    rows = [row("a", 1.0), row("b", 0.0), row("c", 9.0)]
    domains = {"a": "x", "b": "x", "c": "y"}
    options = {"domains": domains, "divide": False}
    assert [r.total_reward for r in normalised(rows, over="group", **options)] == [0, 0, 0]
    assert [r.total_reward for r in normalised(rows, over="domain", **options)] == [0.5, -0.5, 0]
    found = [r.total_reward for r in normalised(rows, over="step", **options)]
    assert found == pytest.approx([1 - 10 / 3, -10 / 3, 9 - 10 / 3])


@pytest.mark.parametrize("values", [[0.3, 0.3, 0.3], [5.0]])
def test_equal_peers_get_0(values):
    found = normalised([row("g", value) for value in values])
    assert [r.total_reward for r in found] == [0.0] * len(values)


def test_bounds_hold():
    rows = [row("g", value) for value in [0.0] * 15 + [50.0]]
    found = [r.total_reward for r in normalised(rows, clip=(-0.1, 3.0))]
    assert max(found) == pytest.approx(3.0)
    assert min(found) == pytest.approx(-0.1)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8))
def test_what_is_normalised_has_mean_0(values):
    found = [r.total_reward for r in normalised([row("g", value) for value in values])]
    assert math.fsum(found) == pytest.approx(0.0, abs=1e-6)
