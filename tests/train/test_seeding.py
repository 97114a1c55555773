"""Seeding with a policy that a script plays."""

import asyncio

import pytest

from guerdon.config.build import build
from guerdon.config.check import load
from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError
from guerdon.tasks import TaskSets
from guerdon.train.seeding import _fill, _pool
from guerdon.types import Model, Task


def test_what_is_invented_joins_until_there_is_enough(tmp_path):
    overrides = (f"run.dir={tmp_path}", "trainer.tasks_per_step=3")
    config, _ = load("self_play_code", overrides)
    pool = _pool(config, build(config.tasks, "tasks").load())
    numbers = iter(range(100))

    def reply(prompt):
        said = prompt[0]["content"]
        if not said.startswith("propose"):
            return "1"
        a, x = divmod(next(numbers), 4)
        return f"x+{a}@{x}"

    lines = []
    models = {"policy": Model(ScriptedEngine(reply))}
    env = build(config.env, "env")
    asyncio.run(_fill(config, env, pool, models, 5, 4, lines.append))
    assert len(pool.grown) >= 5 and lines[-1].startswith(f"round {len(lines)}: {len(pool.grown)}")
    assert all(task.info["program"].startswith("def f(x)") for task in pool.grown)


def test_tasks_that_invite_nobody_are_refused(tmp_path):
    config, _ = load("self_play_code", (f"run.dir={tmp_path}",))
    problem = Task("t", ({"role": "user", "content": "?"},))
    with pytest.raises(ConfigError, match="none of them invites"):
        _pool(config, TaskSets((problem,), ()))
