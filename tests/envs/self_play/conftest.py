"""A workshop that all tests share, and an episode played by a script."""

import asyncio
from collections.abc import Iterator

import pytest

from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs.self_play.code import CodeSelfPlay
from guerdon.envs.self_play.grading import Grader
from guerdon.envs.self_play.programs import Workshop
from guerdon.sandbox import Limits, Sandbox
from guerdon.types import Model


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    sandbox = Sandbox(num_workers=2, limits=Limits(wall_s=2.0, memory_mb=256))
    yield Workshop(sandbox=sandbox)
    sandbox.close()


@pytest.fixture(scope="session")
def grader(workshop: Workshop) -> Grader:
    return Grader(workshop=workshop)


@pytest.fixture(scope="session")
def play(grader: Grader):
    """``play(task, propose="...", solve=["...", ...], **fields)``: the episode that comes out."""

    def episode(task, *replies, **fields):
        env = CodeSelfPlay(grader=grader, **{"num_samples": max(len(replies) - 1, 1), **fields})
        models = {"policy": Model(ScriptedEngine(list(replies)))}
        return asyncio.run(env.rollout(task, models))

    return episode
