"""Guessing: the answers, what a guess is worth, and how few are enough."""

import math

import pytest

from guerdon.envs.games.number_guess import NumberGuessGame
from guerdon.errors import ConfigError
from guerdon.types import Task


def test_answers_point_the_right_way():
    game = NumberGuessGame(low=1, high=9)
    game.reset(Task("t", (), info={"seed": 1}), 0)
    number = int(game.anchor().split()[0])
    for guess in range(1, 10):
        told, reward, terminated, _, info = game.step(str(guess))
        hint = "higher" if guess < number else "lower"
        expected = "Yes." if guess == number else f"{guess}: {hint}."
        assert (told, reward, terminated) == (expected, float(guess == number), guess == number)
        assert info["success"] == float(guess == number)


def test_the_oracle_needs_no_more_guesses_than_bisection():
    game, longest = NumberGuessGame(low=1, high=100), 0
    for seed in range(60):
        game.reset(Task("t", (), info={"seed": seed}), 0)
        guesses = 1
        while not game.step(game.oracle())[2]:
            guesses += 1
        longest = max(longest, guesses)
    assert longest == math.ceil(math.log2(101))


def test_a_range_of_one_number_is_no_game():
    with pytest.raises(ConfigError, match="above low"):
        NumberGuessGame(low=3, high=3)
