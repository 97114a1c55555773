"""One prompt, one reply, one reward."""

import asyncio
from dataclasses import dataclass, field

import pytest

from guerdon.envs.single_turn import SingleTurn
from guerdon.errors import EnvError, RewardError
from guerdon.rewards.match import Match
from guerdon.types import Env, Models, Reward, Task

TASK = Task("capital", ({"role": "user", "content": "Capital of France?"},), answer="Paris")


@dataclass
class Worth:
    """A reward that is always the same, or fails; remembers what it was asked about."""

    value: float | None
    asked: list[str] = field(default_factory=list)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        self.asked.append(response)
        if self.value is None:
            raise RewardError("the judge is away")
        return Reward(self.value, parts={"style": 2.0}, note="because")


def test_the_reply_is_scored_and_recorded_as_one_row(script) -> None:
    env = SingleTurn(reward=Match())
    assert isinstance(env, Env)
    episode = asyncio.run(env.rollout(TASK, script(" paris")))
    (row,) = episode.trajectories
    assert episode.error is None and episode.metrics == {"success": 1.0}
    assert (row.role, row.group, row.status) == ("policy", "capital", "completed")
    assert row.reward.value == row.total_reward == 1.0
    assert [turn.action["content"] for turn in row.turns] == [" paris"]
    assert row.turns[0].observation == TASK.prompt
    assert sum(row.action_mask) == row.turns[0].span[1] - row.turns[0].span[0] > 0


def test_the_reward_keeps_its_parts_and_its_note(script) -> None:
    episode = asyncio.run(SingleTurn(reward=Worth(0.25)).rollout(TASK, script("x")))
    assert episode.trajectories[0].reward == Reward(0.25, {"style": 2.0}, "because")
    assert episode.metrics == {"success": 0.0}


def test_success_is_defined_by_a_threshold_or_not_at_all(script) -> None:
    half = SingleTurn(reward=Worth(0.5), success_at=0.5)
    assert asyncio.run(half.rollout(TASK, script("x"))).metrics == {"success": 1.0}
    undefined = SingleTurn(reward=Worth(0.5), success_at=None)
    assert asyncio.run(undefined.rollout(TASK, script("x"))).metrics == {}


def test_a_reward_that_fails_fails_the_episode(script) -> None:
    with pytest.raises(RewardError, match="the judge is away"):
        asyncio.run(SingleTurn(reward=Worth(None)).rollout(TASK, script("x")))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_is_an_error(script, value: float) -> None:
    with pytest.raises(RewardError, match=f"'capital': the reward is {value}"):
        asyncio.run(SingleTurn(reward=Worth(value)).rollout(TASK, script("x")))


def test_a_reply_cut_by_its_length_is_scored_and_marked(script) -> None:
    reward = Worth(1.0)
    episode = asyncio.run(SingleTurn(reward=reward).rollout(TASK, script("Par", cut=True)))
    assert episode.trajectories[0].status == "truncated"
    assert reward.asked == ["Par"]


def test_a_prompt_that_leaves_no_room_is_an_error_and_is_not_scored(script) -> None:
    reward = Worth(1.0)
    with pytest.raises(EnvError, match="no room"):
        asyncio.run(SingleTurn(reward=reward).rollout(TASK, script()))
    assert reward.asked == []


def test_the_system_message_comes_first_unless_the_task_has_its_own(script) -> None:
    env = SingleTurn(reward=Match(), system="Be brief.")
    heard = asyncio.run(env.rollout(TASK, script("x"))).trajectories[0].turns[0].observation
    assert heard == ({"role": "system", "content": "Be brief."}, *TASK.prompt)
    own = Task("t", ({"role": "system", "content": "Be long."}, *TASK.prompt), answer="x")
    heard = asyncio.run(env.rollout(own, script("x"))).trajectories[0].turns[0].observation
    assert heard == own.prompt
