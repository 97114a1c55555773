"""Baselines on frozen lakes, against enumeration and simulation by hand."""

import itertools
import random

import pytest

from guerdon.envs.games.frozen_lake import FrozenLakeGame, FrozenLakeTasks
from guerdon.envs.games.lake_baselines import best_blind_success, random_success
from guerdon.types import Task

TINY = [["SF", "HG"], ["SH", "FG"], ["SF", "FG"]]


def wins(rows: list[str], actions: tuple[str, ...]) -> bool:
    game = FrozenLakeGame()
    game.reset(Task("t", (), info={"map": rows}), 0)
    for action in actions:
        _, reward, ended, _, _ = game.step(action)
        if ended:
            return reward == 1
    return False


def test_the_best_blind_player_solves_two_of_three_tiny_lakes() -> None:
    assert best_blind_success(TINY, 2) == pytest.approx(2 / 3)
    assert best_blind_success(TINY, 1) == 0


def test_the_best_blind_player_is_the_best_of_all_action_strings() -> None:
    maps = [
        task.info["map"]
        for task in FrozenLakeTasks(size=3, num_train=10, num_held_out=0).load().train
    ]
    strings = itertools.product(FrozenLakeGame().actions, repeat=4)
    most = max(sum(wins(rows, string) for rows in maps) for string in strings)
    assert best_blind_success(maps, 4) == most / 10


def test_random_success_is_exact() -> None:
    # from S: Right then Down is the only way in two moves, one of 16 pairs
    assert random_success([["SF", "HG"]], 2) == pytest.approx(1 / 16)
    # with nothing in the way there are two ways
    assert random_success([["SF", "FG"]], 2) == pytest.approx(2 / 16)


def test_random_success_is_what_random_play_comes_to() -> None:
    rows, rng = ["SFF", "FHF", "FFG"], random.Random(0)
    actions = FrozenLakeGame().actions
    played = sum(wins(rows, tuple(rng.choices(actions, k=8))) for _ in range(1500)) / 1500
    assert random_success([rows], 8) == pytest.approx(played, abs=0.03)
