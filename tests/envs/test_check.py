"""check_env finds each broken promise and nothing else; shipped environments keep them all."""

import asyncio

import pytest

import broken_games as games
from guerdon.config.compose import SHIPPED
from guerdon.config.environment import load_environment
from guerdon.envs.check import check_env
from guerdon.envs.steps import StepEnv
from guerdon.types import Task


def test_a_game_that_keeps_its_promises_passes():
    assert check_env(games.Walk(), games.TASKS) == []
    assert check_env(StepEnv(game=games.Walk(), max_turns=30), games.TASKS) == []


@pytest.mark.parametrize(
    ("game", "says"),
    [
        (games.Forgetful, "reset after another episode"),
        (games.Global, "with the global random generators elsewhere"),
        (games.Unfair, "its start depends on the member's seed"),
        (games.Moody, "played again with the same seed and actions, it differs"),
        (games.Shared, "with a copy of it played at the same time"),
        (games.Clueless, "the oracle does not succeed"),
        (games.Endless, "success comes without termination"),
        (games.Silent, "reset gives no info['success']"),
        (games.Silent, "must be 0 or 1, not 0.5"),
        (games.Nameless, "different anchors"),
        (games.Crashing, "ZeroDivisionError: no floor"),
    ],
)
def test_a_broken_promise_is_named(game, says):
    found = check_env(game(), games.TASKS)
    assert any(says in problem for problem in found), found


def test_an_oracle_may_fail_where_chance_decides():
    assert check_env(games.Clueless(), games.TASKS, oracle_solves=False) == []


def test_a_game_nobody_can_play_at_random_and_no_tasks_are_problems():
    assert "nobody can play it at random" in check_env(games.Walk(actions=()), games.TASKS)[0]
    assert check_env(games.Walk(), []) == ["there are no tasks to play"]


def test_it_works_inside_a_running_event_loop():
    async def inside():
        return check_env(games.Walk(), games.TASKS)

    assert asyncio.run(inside()) == []


LATER = ("reasoning_gym", "textarena", "textarena_game")
"""Need packages that are not installed here; their adapters have tests of their own."""


@pytest.mark.parametrize(
    "name", sorted({file.stem for file in (SHIPPED / "env").glob("*.yaml")} - {*LATER})
)
def test_every_shipped_environment_keeps_its_promises(name, tmp_path):
    overrides = []
    if name == "boxoban":
        level = "; 0\n#####\n#@  #\n# $ #\n#  .#\n#####\n"
        (tmp_path / "levels.txt").write_text(
            level + level.replace("@ ", " @").replace("; 0", "; 1")
        )
        overrides = [f"tasks.path='{tmp_path}'", "tasks.num_held_out=1"]
    elif "num_train" in (SHIPPED / "env" / f"{name}.yaml").read_text():
        overrides = ["tasks.num_train=2", "tasks.num_held_out=2"]
    env, source = load_environment(name, overrides)
    tasks: list[Task] = list(source.load(None).held_out)
    assert check_env(env, tasks, num_tasks=2, oracle_solves="slippery" not in name) == []
