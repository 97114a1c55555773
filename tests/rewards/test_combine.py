"""Weighted sums of rewards, and what happens when a part fails."""

import asyncio
from collections.abc import Sequence

import pytest

from guerdon.errors import ConfigError, EngineError, RewardError
from guerdon.rewards.combine import Gate, Median, Tiered, Weighted
from guerdon.types import Models, Reward, RewardFn, Task

TASK = Task("t", ())


class Fixed:
    """A part that is worth what it is told, or raises it; counts calls and cancellations."""

    def __init__(self, worth: Reward | Exception, after: Sequence[asyncio.Event] = ()) -> None:
        self.worth, self.after, self.started = worth, after, asyncio.Event()
        self.cancelled = False

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        self.started.set()
        try:
            for event in self.after:
                await event.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(self.worth, Exception):
            raise self.worth
        return self.worth


def score(reward: RewardFn) -> Reward:
    return asyncio.run(reward(TASK, "response", {}))


def test_the_value_is_the_weighted_sum_and_parts_stay_unweighted() -> None:
    reward = score(
        Weighted(
            parts={"right": Fixed(Reward(1.0, note="yes")), "length": Fixed(Reward(-2.0))},
            weights={"right": 0.75, "length": 0.25},
        )
    )
    assert reward.value == 0.25
    assert reward.parts == {"right": 1.0, "length": -2.0}
    assert reward.note == "right: yes"


def test_the_parts_of_a_part_are_kept_under_its_name() -> None:
    inner = Weighted(parts={"a": Fixed(Reward(0.5))}, weights={"a": 2.0})
    outer = score(Weighted(parts={"in": inner}, weights={"in": 1.0}))
    assert outer.parts == {"in": 1.0, "in/a": 0.5}


def test_parts_run_at_the_same_time() -> None:
    first, second = Fixed(Reward(1.0)), Fixed(Reward(2.0))
    first.after, second.after = [second.started], [first.started]  # neither ends alone
    both = Weighted(parts={"a": first, "b": second}, weights={"a": 1.0, "b": 1.0})
    assert score(both).value == 3.0


@pytest.mark.parametrize("error", [RewardError("no verdict"), EngineError("judge is away")])
def test_a_required_part_that_fails_fails_the_whole_and_is_named(error: Exception) -> None:
    never = asyncio.Event()
    slow = Fixed(Reward(1.0), after=[never])
    reward = Weighted(
        parts={"slow": slow, "judge": Fixed(error)}, weights={"slow": 1.0, "judge": 1.0}
    )
    with pytest.raises(RewardError, match=f"'judge' failed: {error}") as caught:
        score(reward)
    assert caught.value.__cause__ is error
    assert slow.cancelled


def test_an_optional_part_that_fails_leaves_the_rest_at_full_weight() -> None:
    reward = score(
        Weighted(
            parts={"right": Fixed(Reward(0.5)), "style": Fixed(RewardError("away"))},
            weights={"right": 3.0, "style": 1.0},
            optional=["style"],
        )
    )
    assert reward.value == pytest.approx(0.5 * 3.0 * (4.0 / 3.0))
    assert reward.parts == {"right": 0.5}
    assert "'style' failed: away" in reward.note


def test_if_every_part_fails_there_is_no_reward_even_if_all_are_optional() -> None:
    reward = Weighted(parts={"a": Fixed(RewardError("x"))}, weights={"a": 1.0}, optional=["a"])
    with pytest.raises(RewardError, match="'a' failed"):
        score(reward)


def test_a_bug_in_a_part_is_not_disguised_as_a_failed_reward() -> None:
    reward = Weighted(parts={"a": Fixed(ZeroDivisionError())}, weights={"a": 1.0}, optional=["a"])
    with pytest.raises(ZeroDivisionError):
        score(reward)


def test_every_mistake_in_the_parts_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Weighted(parts={"a": Fixed(Reward(1.0))}, weights={"b": -1.0}, optional=["c"])
    assert len(caught.value.problems) == 3


def test_a_part_of_weight_0_is_watched_and_not_counted() -> None:
    parts = {"right": Fixed(Reward(1.0)), "audit": Fixed(Reward(0.0))}
    found = score(Weighted(parts=parts, weights={"right": 1.0, "audit": 0.0}))
    assert (found.value, found.parts["audit"]) == (1.0, 0.0)


# --- Gate, Tiered, Median ------------------------------------------------------------------------


def test_behind_a_gate_nothing_is_asked_until_the_condition_is_met() -> None:
    judge = Fixed(Reward(0.7, {"style": 0.5}, note="fine"))
    shut = score(Gate(condition=Fixed(Reward(0.0)), reward=judge, otherwise=-0.1))
    assert (shut.value, shut.parts) == (-0.1, {"condition": 0.0})
    assert not judge.started.is_set()
    found = score(Gate(condition=Fixed(Reward(1.0)), reward=judge))
    assert found.value == 0.7
    assert found.parts == {"condition": 1.0, "reward": 0.7, "reward/style": 0.5}
    assert found.note == "reward: fine"


@pytest.mark.parametrize(
    ("worth", "value", "tier"), [((0, 1, 1), 0.0, 0), ((1, 0, 1), 0.2, 1), ((1, 1, 1), 1.0, 3)]
)
def test_tiers_are_climbed_one_after_the_other(worth, value: float, tier: float) -> None:
    names = ("parses", "runs", "right")
    tiers = {name: Fixed(Reward(float(w))) for name, w in zip(names, worth, strict=True)}
    found = score(Tiered(tiers=tiers, worth={"parses": 0.2, "runs": 0.4, "right": 1.0}))
    assert (found.value, found.parts["tier"]) == (value, tier)
    assert tiers["right"].started.is_set() == (tier >= 2)


def test_the_median_of_opinions_and_their_spread() -> None:
    parts = {name: Fixed(Reward(v)) for name, v in (("a", 0.1), ("b", 0.9), ("c", 0.5))}
    found = score(Median(parts=parts))
    assert (found.value, found.parts["spread"]) == (0.5, pytest.approx(0.8))


def test_opinions_that_fail_are_missed_down_to_the_quorum() -> None:
    parts = {"a": Fixed(Reward(0.2)), "b": Fixed(Reward(0.4)), "c": Fixed(RewardError("away"))}
    found = score(Median(parts=parts, optional=["c"]))
    assert found.value == pytest.approx(0.3)
    assert "'c' failed: away" in found.note
    with pytest.raises(RewardError, match="2 of 3 opinions: reward part 'c' failed"):
        score(Median(parts=parts, optional=["c"], quorum=3))
    with pytest.raises(RewardError, match="'c' failed"):
        score(Median(parts=parts))


@pytest.mark.parametrize("at", ["condition", "reward"])
def test_a_gate_whose_part_fails_fails(at: str) -> None:
    parts = {"condition": Fixed(Reward(1.0)), "reward": Fixed(Reward(1.0))}
    parts[at] = Fixed(EngineError("away"))
    with pytest.raises(RewardError, match=f"'{at}' failed: away"):
        score(Gate(**parts))


def test_a_tier_that_fails_fails_the_whole_and_is_named() -> None:
    tiers = {"a": Fixed(Reward(1.0)), "b": Fixed(RewardError("x"))}
    with pytest.raises(RewardError, match="'b' failed: x"):
        score(Tiered(tiers=tiers, worth={"a": 0.5, "b": 1.0}))


def test_tiers_must_rise_and_a_quorum_must_be_possible() -> None:
    one = Fixed(Reward(1.0))
    with pytest.raises(ConfigError, match=r"must rise from nothing on, got \[0.0, 0.5, 0.5\]"):
        Tiered(tiers={"a": one, "b": one}, worth={"a": 0.5, "b": 0.5})
    with pytest.raises(ConfigError, match="differ"):
        Tiered(tiers={"a": one}, worth={"b": 0.5})
    with pytest.raises(ConfigError, match="quorum"):
        Median(parts={"a": one}, quorum=2)
