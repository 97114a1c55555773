"""Weighted sums of rewards, and what happens when a part fails."""

import asyncio
from collections.abc import Sequence

import pytest

from guerdon.errors import ConfigError, EngineError, RewardError
from guerdon.rewards.combine import Weighted
from guerdon.types import Models, Reward, Task

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


def score(reward: Weighted) -> Reward:
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
