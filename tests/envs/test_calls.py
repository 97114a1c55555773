"""Calling games: whatever they do, it is an EnvError of one episode and nobody else's trouble."""

import asyncio
import threading

import numpy as np
import pytest

import broken_games as games
from guerdon.envs.calls import Calls, numbers
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError, EnvError
from guerdon.train.collect import collect, trainable
from guerdon.types import Task

TASK = games.TASKS[0]


def call(calls, method, *arguments):
    return asyncio.run(calls(method, *arguments))


@pytest.mark.parametrize("threads", [0, 2])
@pytest.mark.parametrize("error", [ZeroDivisionError("no floor"), SystemExit(3), StopIteration()])
def test_what_a_game_raises_is_an_env_error(threads, error):
    game = games.Crashing()
    game.error = error
    with pytest.raises(EnvError, match=rf"Crashing\.step raised {type(error).__name__}"):
        call(Calls(threads=threads), game.step, "Left")


def test_a_game_that_hangs_is_given_up():
    with pytest.raises(EnvError, match=r"took longer than timeout_s=0\.05"):
        call(Calls(timeout_s=0.05, threads=1), games.Hanging().step, "Left")
    with pytest.raises(EnvError, match=r"took longer than timeout_s=0\.05"):
        call(Calls(timeout_s=0.05), games.AsyncHanging().step, "Left")


def test_a_hanging_game_does_not_take_its_place_from_others():
    calls = Calls(timeout_s=0.05, threads=1)

    async def several():
        hung = asyncio.gather(
            *(calls(games.Hanging().step, "") for _ in range(3)), return_exceptions=True
        )
        return await hung, await calls(games.Walk().reset, TASK, 0)

    errors, (told, _) = asyncio.run(several())
    assert [type(error) for error in errors] == [EnvError] * 3 and told == "at 0"


def test_a_games_own_time_out_is_named_as_its_own():
    game = games.Crashing()
    game.error = TimeoutError("the database is slow")
    with pytest.raises(EnvError, match="raised TimeoutError: the database is slow"):
        call(Calls(timeout_s=5.0, threads=1), game.step, "Left")


def test_no_more_calls_run_at_once_than_there_are_threads():
    running, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(2, timeout=5)

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait()
        with lock:
            running -= 1

    async def several():
        await asyncio.gather(*(calls(work) for _ in range(6)))

    calls = Calls(threads=2)
    asyncio.run(several())
    asyncio.run(several())  # another event loop has a gate of its own
    assert most == 2


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), None, "1", 1j])
def test_a_reward_that_is_no_finite_number_is_an_env_error(reward):
    with pytest.raises(EnvError, match=r"Odd\.step gave the reward"):
        asyncio.run(Calls().step(games.Odd(reward=reward), "Left"))


def test_numbers_of_numpy_are_numbers():
    info = {"a": np.float32(0.5), "b": np.bool_(True), "c": "text", "d": float("nan"), "e": [1]}
    assert numbers(info) == {"a": 0.5, "b": 1.0}
    assert asyncio.run(Calls().step(games.Odd(reward=np.float32(2)), ""))[1] == 2.0


def test_info_must_be_a_mapping():
    class Listing(games.Walk):
        def reset(self, task, seed):
            return "x", [1]

    with pytest.raises(EnvError, match="must return a dict of info"):
        asyncio.run(Calls().reset(Listing(), TASK, 0))


def test_a_time_out_without_threads_is_refused_for_a_game_that_is_not_async():
    with pytest.raises(ConfigError, match="give threads=8"):
        StepEnv(game=games.Walk(), timeout_s=1.0)
    StepEnv(game=games.AsyncHanging(), timeout_s=1.0)


FAULTS = [
    (games.Crashing(), {}),
    (games.Hanging(), {"timeout_s": 0.05, "threads": 4}),
    (games.AsyncHanging(), {"timeout_s": 0.05}),
    (games.Odd(reward=float("nan")), {}),
]


@pytest.mark.parametrize(("fault", "settings"), FAULTS)
def test_a_run_goes_on_and_the_groups_statistics_ignore_the_fault(fault, settings, script):
    """Two members of four meet a faulty world; what is learned from is what the others did."""
    healthy = StepEnv(game=games.Walk(actions=("Left", "Up", "Right")), max_turns=2)
    faulty = StepEnv(game=fault, max_turns=2, **settings)

    class Sometimes:
        """Every second rollout meets the fault."""

        def __init__(self) -> None:
            self.number = 0

        async def rollout(self, task, models):
            self.number += 1
            env = faulty if self.number % 2 else healthy
            return await env.rollout(task, script("Left", "Left"))

    task = Task("walk/0", (), info={"start": 0})
    episodes = asyncio.run(collect(Sometimes(), [task], script(), group_size=4))
    alone = asyncio.run(collect(healthy, [task], script("Left", "Left"), group_size=1))
    assert [bool(episode.error) for episode in episodes] == [True, False, True, False]
    rows, dropped = trainable(episodes, 4)
    assert len(rows) == 2 and dropped == 0
    assert {row.total_reward for row in rows} == {alone[0].trajectories[0].total_reward}
