"""The environments of docs/adding-an-environment.md work as they stand there."""

import asyncio
from pathlib import Path

from documented import modules
from guerdon.envs.check import check_env
from guerdon.envs.random_play import RandomPlay
from guerdon.envs.steps import Game, StepEnv
from guerdon.rewards.match import Match
from guerdon.tasks import TaskSource
from guerdon.types import Env, Task


def test_the_documented_game_works(tmp_path: Path, script) -> None:
    game, _ = modules("adding-an-environment.md", tmp_path)
    assert isinstance(game.GuessGame(), Game) and isinstance(game.GuessTasks(), TaskSource)
    env = StepEnv(game=game.GuessGame(), max_turns=5)
    tasks = game.GuessTasks().load()
    assert (len(tasks.train), len(tasks.held_out)) == (7, 3)
    episode = asyncio.run(env.rollout(tasks.train[0], script("9", "1", "3")))
    (row,) = episode.trajectories
    assert [turn.observation[0]["content"] for turn in row.turns] == [
        "Guess my number, 0 to 9.",
        "Lower.",
        "Higher.",
    ]
    assert row.total_reward == 1.0 and episode.metrics["success"] == 1.0
    assert check_env(env, tasks.held_out) == []
    talks = RandomPlay(env=env, tasks=game.GuessTasks(), num_conversations=9).load()
    assert len(talks) == 9


def test_the_documented_environment_works(tmp_path: Path, script) -> None:
    _, thought = modules("adding-an-environment.md", tmp_path)
    env = thought.SecondThought(reward=Match())
    assert isinstance(env, Env)
    task = Task("t", ({"role": "user", "content": "2 + 2?"},), answer="4")
    episode = asyncio.run(env.rollout(task, script("5", "4")))
    assert episode.trajectories[0].total_reward == 1.0
    assert episode.metrics == {"success": 1.0, "changed": 1.0}
