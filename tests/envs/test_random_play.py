"""Conversations of random play: valid actions, training tasks, the environment's own words."""

import asyncio
from dataclasses import replace

import pytest

from guerdon.envs.games.frozen_lake import FrozenLakeGame, FrozenLakeTasks
from guerdon.envs.history import Summary, Window
from guerdon.envs.random_play import RandomPlay
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError
from guerdon.types import Task

TASKS = FrozenLakeTasks(num_train=12, num_held_out=10, prompt="Find the goal.")


def make(num: int = 12, seed: int = 0, view: str = "grid") -> RandomPlay:
    env = StepEnv(game=FrozenLakeGame(view=view), max_turns=6)  # type: ignore[arg-type]
    return RandomPlay(env=env, tasks=TASKS, num_conversations=num, seed=seed)


def test_every_reply_is_an_action_and_the_player_is_not_skilled() -> None:
    talks = make(num=40).load()
    actions = {m["content"] for talk in talks for m in talk if m["role"] == "assistant"}
    assert len(talks) == 40 and actions == set(FrozenLakeGame().actions)


def test_all_training_maps_are_played_and_no_held_out_one() -> None:
    def first_screen(task: Task) -> str:
        game = FrozenLakeGame(view="grid")
        return f"Find the goal.\n\n{game.reset(task, 0)[0]}"

    played = [talk[0]["content"] for talk in make().load()]
    assert sorted(played) == sorted(first_screen(task) for task in TASKS.load().train)


def test_the_words_are_those_a_policy_meets_with_the_same_replies(script) -> None:
    (talk,) = make(num=1, view="words").load()
    replies = [message["content"] for message in talk if message["role"] == "assistant"]
    env = make(view="words").env
    screens = {task.id: task for task in TASKS.load().train}
    episodes = [asyncio.run(env.rollout(task, script(*replies))) for task in screens.values()]
    told = [
        tuple(m for turn in e.trajectories[0].turns for m in (*turn.observation, turn.action))
        for e in episodes
    ]
    assert talk in told


@pytest.mark.parametrize("history", [Window(turns=1), Window(turns=3), Summary(turns=2)])
def test_with_a_history_that_forgets_each_turn_is_what_a_policy_meets(script, history) -> None:
    env = replace(make(view="words").env, history=history)
    talks = RandomPlay(env=env, tasks=TASKS, num_conversations=6).load()
    assert len(talks) == 6
    replies = [talk[-1]["content"] for talk in talks]
    episodes = [asyncio.run(env.rollout(task, script(*replies))) for task in TASKS.load().train]
    met = [
        [(*row.turns[0].observation, row.turns[0].action) for row in e.trajectories]
        for e in episodes
    ]
    assert any(turns == talks[: len(turns)] for turns in met)  # those of the first game


def test_the_same_seed_plays_the_same_and_another_does_not() -> None:
    assert make().load() == make().load() != make(seed=1).load()


def test_it_loads_inside_a_running_event_loop() -> None:
    async def inside() -> int:
        return len(make(num=2).load())

    assert asyncio.run(inside()) == 2


def test_a_game_without_actions_cannot_be_played_at_random() -> None:
    class Free:
        def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
            return "", {}

        def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
            return "", 0.0, True, False, {}

    with pytest.raises(ConfigError, match="no `actions`"):
        RandomPlay(env=StepEnv(game=Free()), tasks=TASKS)
