"""Evaluate an environment by name, whoever plays: an oracle, chance, a script, or a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Literal

from guerdon.config.environment import load_environment
from guerdon.engines.closing import then_close
from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs.players import Played
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError
from guerdon.train.collect import collect
from guerdon.train.evaluate import Evaluation, summarise
from guerdon.types import Engine, Env, Episode, Message, Model, Sampling, Task

Mechanical = Literal["oracle", "random"]
MAX_CONCURRENT = 1024


def play(
    name: str,
    player: Mechanical | Model,
    *,
    overrides: Sequence[str] = (),
    num_episodes: int = 200,
    samples: int = 1,
    seed: int = 0,
) -> tuple[Evaluation, list[Episode]]:
    """Evaluate ``player`` on the held-out tasks of an environment.

    Args:
        name: see `config.environment.load_environment`.
        player: ``oracle`` or ``random``, or a model with its sampling.
        overrides: of the environment's configuration.
        num_episodes: episodes in all; tasks come again where there are fewer.
        samples: episodes of each task, for pass@k.
        seed: decides everything that happens by chance.

    Raises:
        ConfigError: there is no such environment or player.
        RolloutError: every episode failed.
    """
    env, source = load_environment(name, overrides)
    held_out = source.load(None).held_out
    if not held_out:
        raise ConfigError(f"environment {name!r} has no held-out tasks")
    if isinstance(player, Model):
        played: Env = env
        model = replace(player, sampling=replace(player.sampling, seed=seed))
    elif not isinstance(env, StepEnv):
        raise ConfigError(f"environment {name!r} has no game that {player} could play")
    else:
        played, model = (
            Played(env=env, player=player),
            Model(ScriptedEngine(()), Sampling(seed=seed)),
        )
    tasks = list(islice(cycle(held_out), max(1, num_episodes // samples)))
    work = _evaluate(played, tasks, model, samples)
    return asyncio.run(then_close(work, {"policy": model}))


async def _evaluate(
    env: Env, tasks: Sequence[Task], model: Model, samples: int
) -> tuple[Evaluation, list[Episode]]:
    episodes = await collect(
        env,
        tasks,
        {"policy": model},
        group_size=samples,
        key=("eval",),
        max_concurrent=MAX_CONCURRENT,
    )
    return summarise(episodes), episodes


def scripted(file: Path) -> Engine:
    """A policy that says the lines of a file, one a turn, and then the last one again.

    Raises:
        ConfigError: there is no such file, or nothing in it.
    """
    if not file.is_file():
        raise ConfigError(f"--replies {file}: no such file; one reply a line, in order of turns")
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines:
        raise ConfigError(f"--replies {file}: is empty; one reply a line, in order of turns")

    def say(prompt: tuple[Message, ...] | str) -> str:
        spoken = sum(
            message["role"] == "assistant" for message in prompt if isinstance(message, dict)
        )
        return lines[min(spoken, len(lines) - 1)]

    return ScriptedEngine(say)
