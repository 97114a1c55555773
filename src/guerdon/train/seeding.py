"""Seeding: the policy invents tasks from what there is, and nothing is learned."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from guerdon.backends import local
from guerdon.config.build import build
from guerdon.config.schema import Config
from guerdon.engines.closing import then_close
from guerdon.errors import ConfigError
from guerdon.tasks import TaskPool, TaskSets
from guerdon.train.collect import check_errors, collect
from guerdon.types import Env, Models, Task, derive_seed


def invent(
    config: Config, number: int, max_rounds: int, on_round: Callable[[str], None]
) -> list[Task]:
    """Play invitations until ``number`` tasks have joined the pool.

    A round is ``trainer.tasks_per_step`` invitations; what joins is shown as references from the
    next round on. Rules of growth are the configuration's.

    Args:
        on_round: told after each round what became of its proposals.

    Raises:
        ConfigError: the tasks hold no invitation, or ``max_rounds`` were not enough.
        RolloutError: too many episodes of a round failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        models = local.load_models(config, Path(scratch))
    template = models["policy"].engine.template
    count = None if template is None else lambda messages: len(template.start(messages))
    pool = _pool(config, build(config.tasks, "tasks").load(count))
    work = _fill(config, build(config.env, "env"), pool, models, number, max_rounds, on_round)
    asyncio.run(then_close(work, models))
    return list(pool.grown[:number])


def _pool(config: Config, sets: TaskSets) -> TaskPool:
    """A pool that deals invitations only."""
    inviting = {task.domain for task in sets.train if "wants_references" in task.info}
    if not inviting:
        raise ConfigError("tasks: none of them invites to invent one (info.wants_references)")
    domains = {task.domain for task in sets.train} | set(sets.weights or ())
    return TaskPool(
        sets.train,
        weights={domain: float(domain in inviting) for domain in domains},
        seed=derive_seed(config.run.seed, "tasks"),
        growth=build(config.growth, "growth") if config.growth else None,
        held_out=sets.held_out,
    )


async def _fill(
    config: Config,
    env: Env,
    pool: TaskPool,
    models: Models,
    number: int,
    max_rounds: int,
    on_round: Callable[[str], None],
) -> None:
    for at in range(1, max_rounds + 1):
        episodes = await collect(
            env,
            pool.sample(config.trainer.tasks_per_step),
            models,
            key=("seed", at),
            max_concurrent=config.trainer.max_concurrent,
        )
        check_errors(episodes, config.trainer.max_error_rate)
        outcome = pool.extend(task for episode in episodes for task in episode.new_tasks)
        counts = ", ".join(f"{what} {count}" for what, count in sorted(outcome.items()))
        on_round(f"round {at}: {len(pool.grown)} of {number} tasks ({counts or 'none valid'})")
        if len(pool.grown) >= number:
            return
    raise ConfigError(
        f"{len(pool.grown)} of {number} tasks after {max_rounds} rounds: raise --rounds, or train "
        f"a few steps and see with guerdon show why proposals fail"
    )
