"""Bandits: what the arms pay, which one is right, and what is held out."""

import pytest

from guerdon.envs.games.bandit import PAIRS, BanditGame, BanditTasks
from guerdon.errors import ConfigError, EnvError
from guerdon.types import Task

TASK = Task("b", (), info={"arms": ["Clerk", "Gambler"], "risky": "Gambler"})


def test_the_safe_arm_always_pays_and_is_not_a_success():
    game = BanditGame()
    assert game.reset(TASK, 0) == ("Arms: Clerk and Gambler.", {"success": 0.0})
    assert game.step("Clerk") == ("Clerk pays 0.1.", 0.1, True, False, {"success": 0.0})


def test_the_risky_arm_pays_by_chance_that_differs_by_member_and_is_always_a_success():
    paid = []
    for seed in range(400):
        game = BanditGame()
        game.reset(TASK, seed)
        _, reward, terminated, truncated, info = game.step("Gambler")
        assert (terminated, truncated, info) == (True, False, {"success": 1.0})
        paid.append(reward)
    assert set(paid) == {0.0, 1.0} and 0.19 < sum(paid) / 400 < 0.31


def test_several_pulls_are_several_turns():
    game = BanditGame(pulls=2)
    game.reset(TASK, 0)
    assert game.step("Gambler")[2] is False and game.step("Clerk")[2] is True


def test_held_out_pairs_are_never_trained_on():
    sets = BanditTasks().load()
    names = [
        {name for task in some for name in task.info["arms"]}
        for some in (sets.train, sets.held_out)
    ]
    assert (len(sets.train), len(sets.held_out)) == (16, 8) and not names[0] & names[1]


def test_held_out_orders_are_the_other_orders_of_trained_pairs_and_places_are_balanced():
    sets = BanditTasks(split_by="order").load()
    assert len(sets.train) == len(sets.held_out) == len(PAIRS)
    for some in (sets.train, sets.held_out):
        assert sum(task.info["arms"][0] == task.info["risky"] for task in some) == len(PAIRS) / 2
    assert not {t.id for t in sets.train} & {t.id for t in sets.held_out}


def test_reversed_names_make_the_careful_arm_the_risky_one():
    plain, turned = BanditTasks().load(), BanditTasks(reversed_names=True).load()
    for a, b in zip(plain.train, turned.train, strict=True):
        assert a.info["arms"] == b.info["arms"] and a.info["risky"] != b.info["risky"]
        assert a.id != b.id


def test_settings_and_tasks_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="must be the better one on average"):
        BanditGame(risky_chance=0.05)
    with pytest.raises(ConfigError, match=r"num_held_out_pairs must lie in 1\.\.11"):
        BanditTasks(num_held_out_pairs=12)
    with pytest.raises(EnvError, match=r"needs info\['arms'\]"):
        BanditGame().reset(Task("x", ()), 0)
