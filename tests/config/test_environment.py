"""Environments by name: shipped ones, files of one's own, overrides, and mistakes."""

import pytest

from guerdon.config.check import examine
from guerdon.config.compose import SHIPPED
from guerdon.config.environment import load_environment
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError
from guerdon.tasks import TaskSource

RUN = """\
defaults:
  - env: {name}
  - algorithm: grpo
  - _self_
trainer: {{steps: 1, tasks_per_step: 2, group_size: 2}}
models: {{policy: {{init: {{_target_: guerdon.tiny.TinyPolicy}}}}}}
run: {{dir: '{folder}'}}
"""
NAMES = sorted(file.stem for file in (SHIPPED / "env").glob("*.yaml"))
EXTRAS = {"reasoning_gym", "textarena", "textarena_game"}
ASKS = {"boxoban": ["tasks.path=levels.txt"]}


@pytest.fixture
def levels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "#####\n#@$.#\n#####\n"
    (tmp_path / "levels.txt").write_text(f"; 0\n{rows}\n; 1\n{rows.replace('@$.', '.$@')}")
    return [*ASKS["boxoban"], "tasks.num_held_out=1"]


@pytest.mark.parametrize("name", sorted({*NAMES} - EXTRAS))
def test_a_shipped_environment_joins_a_run_and_passes_check(name, tmp_path, levels):
    (tmp_path / "run.yaml").write_text(RUN.format(name=name, folder=tmp_path))
    report, _ = examine(tmp_path / "run.yaml", levels if name == "boxoban" else [])
    assert report.problems == [] and report.config is not None


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_an_environment_whose_package_is_absent_says_so(name):
    if name == "textarena":  # asked in its own process, when it is played
        assert isinstance(load_environment(name)[0], StepEnv)
        return
    with pytest.raises(ConfigError, match=r"pip install 'guerdon\[(reasoning-gym|textarena)\]'"):
        load_environment(name)


def test_overrides_reach_environment_and_tasks():
    env, tasks = load_environment("sokoban", ["env.max_turns=7", "tasks.num_held_out=3"])
    assert env.max_turns == 7 and isinstance(tasks, TaskSource)
    assert len(tasks.load().held_out) == 3


def test_a_file_of_ones_own_and_a_whole_configuration_will_do(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("defaults: [{env: bandit}, _self_]\nenv: {max_turns: 2}\n")
    assert load_environment(str(file))[0].max_turns == 2
    assert load_environment("quickstart")[0].max_turns == 14


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ConfigError, match="no such environment; did you mean 'sokoban'"):
        load_environment("sokobann")
    with pytest.raises(ConfigError, match=r"env\.game\.boxs: unknown field"):
        load_environment("sokoban", ["env.game.boxs=2"])
    (tmp_path / "half.yaml").write_text("env: {_target_: guerdon.envs.steps.StepEnv}\n")
    with pytest.raises(ConfigError, match="has no section tasks"):
        load_environment(str(tmp_path / "half.yaml"))
