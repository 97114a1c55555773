"""Classes written for RAGEN are games."""

from types import SimpleNamespace

import pytest

from guerdon.config.build import build
from guerdon.envs.adapters.ragen import RagenGame
from guerdon.envs.check import check_env
from guerdon.envs.seeded import GameTasks
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError
from guerdon.types import Task
from ragen_double import Echo, Line


def test_words_become_numbers_and_renderings_observations():
    game = RagenGame(env=Line())
    assert game.actions == ("Left", "Right") and game.legend == {"P": "player", "G": "goal"}
    told, info = game.reset(Task("t", (), info={"seed": 1}), 0)
    assert "P" in told and info == {"success": 0.0}
    while True:
        told, reward, terminated, truncated, info = game.step("Right")
        if terminated:
            break
    assert (reward, truncated) == (1.0, False)
    assert info == {"success": 1.0, "effective": 1.0, "action_is_valid": 1.0}


def test_it_keeps_every_promise_although_the_class_uses_the_global_generator():
    game = RagenGame(env=Line())
    tasks = GameTasks(game=game, domain="line", num_train=2, num_held_out=3, distinct=False).load()
    assert check_env(StepEnv(game=game, max_turns=8), tasks.held_out) == []


def test_a_class_without_a_lookup_gets_the_text():
    game = RagenGame(env=Echo())
    assert game.reset(Task("t", (), info={"seed": 1}), 0)[0] == "heard ''"
    assert game.step("hello")[:3] == ("heard 'hello'", 0.5, True)


def test_class_and_configuration_are_named_in_yaml():
    config = {"_target_": "ragen_double.LineConfig", "length": 6}
    env = {"_target_": "ragen_double.Line", "config": config}
    built = build({"_target_": "guerdon.envs.adapters.ragen.RagenGame", "env": env})
    assert built.env.config.length == 6


def test_what_is_no_such_class_is_refused():
    with pytest.raises(ConfigError, match=r"SimpleNamespace has no reset, step, render\(\)"):
        RagenGame(env=SimpleNamespace())
