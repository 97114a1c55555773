"""Countdown: what counts as right, and that there always is a solution."""

import random

import pytest

from guerdon.envs.games.arithmetic import evaluate
from guerdon.envs.games.countdown import CountdownGame, solve
from guerdon.errors import ConfigError
from guerdon.types import Task

TASK = Task("c", (), info={"numbers": [2, 3, 7], "target": 20})


@pytest.mark.parametrize(
    ("reply", "reward", "says"),
    [
        ("2 * 7 + 3 * 2", 0.0, "every number exactly once"),
        ("2 * 3 + 7", 0.1, "That makes 13, not 20."),
        ("(3 + 7) * 2", 1.0, "Right."),
        ("(3 + 7) * 2 = 20", 1.0, "Right."),
        ("20", 0.0, "every number exactly once"),
        ("twenty", 0.0, "cannot be computed"),
        ("__import__('os').getcwd()", 0.0, "cannot be computed"),
    ],
)
def test_an_expression_is_worth_what_it_should_be(reply, reward, says):
    game = CountdownGame()
    assert game.reset(TASK, 0)[0] == "Target 20 numbers 2 3 7"
    told, earned, terminated, truncated, info = game.step(reply)
    assert earned == reward and says in told
    assert terminated == (reward == 1.0) and truncated == (reward < 1.0)
    assert info["success"] == float(reward == 1.0)


def test_operators_that_are_not_allowed_do_not_count():
    game = CountdownGame(operators=("+", "-"))
    game.reset(TASK, 0)
    assert game.step("(3 + 7) * 2")[:2] == ("Only + - may be used.", 0.0)


def test_further_tries_are_turns():
    game = CountdownGame(tries=2)
    game.reset(TASK, 0)
    assert game.step("2 + 3 + 7")[2:4] == (False, False)
    assert game.step("2 + 3 + 7")[2:4] == (False, True)


@pytest.mark.parametrize("operators", [("+", "-"), ("+", "-", "*", "/")])
def test_every_made_target_can_be_reached_and_the_oracle_says_how(operators):
    game = CountdownGame(operators=operators)
    for seed in range(30):
        game.reset(Task("t", (), info={"seed": seed}), 0)
        found = game.oracle()
        assert found is not None and game.step(found)[1] == 1.0


def test_the_solver_knows_when_there_is_no_way():
    assert solve([1, 1], 5, "+-*/") is None
    assert evaluate(solve([6, 4, 3, 3], 24, "+-*/") or "0")[0] == 24
    assert solve([1, 3, 4, 6], 24, "+-*/") == "6 / ( 1 - ( 3 / 4 ) )"


def test_random_play_uses_every_number_once():
    game, draw = CountdownGame(), random.Random(0)
    game.reset(TASK, 0)
    assert all(sorted(evaluate(game.sample(draw))[1]) == [2, 3, 7] for _ in range(20))


def test_settings_that_cannot_be_met_are_config_errors():
    with pytest.raises(ConfigError, match="operators must be among"):
        CountdownGame(operators=("+", "^"))
    with pytest.raises(ConfigError, match="num_numbers must be at least 2"):
        CountdownGame(num_numbers=1)
    with pytest.raises(ConfigError, match="raise max_target"):
        CountdownGame(operators=("+",), max_target=3).reset(Task("t", (), info={"seed": 0}), 0)
