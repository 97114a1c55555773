"""Oracles and random players: what they say, in which form, and what they need."""

import asyncio
import random

import pytest

import broken_games as games
from guerdon.envs.players import Mechanical, Played, Scene, check_can_play
from guerdon.envs.random_play import RandomPlay
from guerdon.envs.replies import ReplyForm
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError, EnvError
from guerdon.tasks import TaskSets
from guerdon.types import Env, Model, Sampling

MODELS = {"policy": Model(None, Sampling(seed=1))}  # type: ignore[arg-type]


class Walks:
    def load(self, count_tokens=None):
        return TaskSets(train=tuple(games.TASKS), held_out=())


def test_a_played_environment_is_an_environment_with_rows_but_no_tokens():
    env = Played(env=StepEnv(game=games.Walk(), action="think"), player="oracle")
    assert isinstance(env, Env)
    episode = asyncio.run(env.rollout(games.TASKS[0], MODELS))
    (row,) = episode.trajectories
    assert row.role == "oracle" and row.token_ids == () and row.status == "completed"
    assert row.turns[0].action["content"] == "<think>...</think><answer>Right</answer>"
    assert row.total_reward == 1.0 and episode.metrics["success"] == 1.0
    assert row.turns[0].state == "0"


def test_random_play_depends_on_the_seed_alone():
    env = Played(env=StepEnv(game=games.Walk(), max_turns=9), player="random")
    one, two = (asyncio.run(env.rollout(games.TASKS[0], MODELS)) for _ in range(2))
    other = {"policy": MODELS["policy"].at("other")}
    assert one == two != asyncio.run(env.rollout(games.TASKS[0], other))


def test_skill_mixes_the_oracle_in():
    def right_share(skill: float) -> float:
        env = StepEnv(game=games.Walk(), max_turns=20)
        talks = RandomPlay(env=env, tasks=Walks(), num_conversations=60, skill=skill).load()
        said = [m["content"] for talk in talks for m in talk if m["role"] == "assistant"]
        return said.count("Right") / len(said)

    assert right_share(1.0) == 1.0
    assert 0.4 < right_share(0.0) < 0.6 < right_share(0.5) < 0.85


def test_a_player_that_cannot_play_is_refused_at_once():
    class Free(games.Walk):
        oracle = None

    with pytest.raises(ConfigError, match=r"Free has no oracle\(\)"):
        Played(env=StepEnv(game=Free()), player="oracle")
    with pytest.raises(ConfigError, match="no `actions` to choose from"):
        check_can_play(games.Walk(actions=()), "random")
    with pytest.raises(ConfigError, match=r"skill must lie in 0\.\.1"):
        RandomPlay(env=StepEnv(game=games.Walk()), tasks=Walks(), skill=2.0)
    with pytest.raises(ConfigError, match=r"Free has no oracle\(\)"):
        RandomPlay(env=StepEnv(game=Free()), tasks=Walks(), skill=0.5)


def test_an_oracle_that_sees_no_way_is_an_errored_episode():
    class Lost(games.Walk):
        def oracle(self):
            return None

    with pytest.raises(EnvError, match=r"Lost\.oracle sees no way from here"):
        asyncio.run(
            Played(env=StepEnv(game=Lost()), player="oracle").rollout(games.TASKS[0], MODELS)
        )


def test_a_game_may_choose_its_random_actions_itself():
    class Chooser(games.Walk):
        def sample(self, draw):
            return "Left"

    player = Mechanical(form=ReplyForm(), draw=random.Random(0))
    assert asyncio.run(player.reply(Scene(Chooser(), ()))) == "Left"
