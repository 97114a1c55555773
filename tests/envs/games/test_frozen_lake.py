"""FrozenLake is gymnasium's, step by step; its maps are all different."""

import gymnasium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.envs.games.frozen_lake import FrozenLakeGame, FrozenLakeTasks
from guerdon.envs.steps import Game
from guerdon.errors import ConfigError, EnvError
from guerdon.types import Task

MAP = ["SFFF", "FHFH", "FFFH", "HFFG"]


def lake(rows: list[str]) -> Task:
    return Task(id="lake", prompt=(), info={"map": rows})


@settings(max_examples=25, deadline=None)
@given(st.booleans(), st.integers(0, 2**63 - 1), st.lists(st.integers(0, 3), max_size=120))
def test_the_game_is_gymnasiums_frozen_lake(slippery: bool, seed: int, moves: list[int]) -> None:
    game = FrozenLakeGame(slippery=slippery, view="grid")
    original = gymnasium.make("FrozenLake-v1", desc=MAP, is_slippery=slippery)
    told, _ = game.reset(lake(MAP), seed)
    position, _ = original.reset(seed=seed)
    for move in moves:
        assert "".join(told.split()).index("P") == position
        told, *rest, info = game.step(game.actions[move])
        position, *expected, _ = original.step(move)
        assert rest == expected
        assert info["success"] == float(expected[0] == 1)
        if expected[1] or expected[2]:
            break


def test_two_players_on_one_map_do_not_share_a_position() -> None:
    one, other = FrozenLakeGame(), FrozenLakeGame()
    one.reset(lake(MAP), 0)
    other.reset(lake(MAP), 0)
    one.step("Right")
    assert other.step("Left")[0] == "Left wall Down safe Right safe Up wall"


def test_on_slippery_ice_the_seed_decides_where_it_slips() -> None:
    def walk(seed: int) -> list[str]:
        game = FrozenLakeGame(slippery=True)
        game.reset(lake(["SFFF", "FFFF", "FFFF", "FFFG"]), seed)
        return [game.step("Down")[0] for _ in range(6)]

    assert walk(1) == walk(1)
    assert len({tuple(walk(seed)) for seed in range(10)}) > 1


def test_a_task_without_a_map_is_an_error_that_names_it() -> None:
    with pytest.raises(EnvError, match=r"task 'x' has no info\['map'\]"):
        FrozenLakeGame().reset(Task("x", ()), 0)


def test_the_frozen_lake_is_a_game_with_four_actions() -> None:
    game = FrozenLakeGame()
    assert isinstance(game, Game)
    assert list(game.actions) == ["Left", "Down", "Right", "Up"]


def test_all_maps_are_different_and_the_ids_are_the_maps() -> None:
    sets = FrozenLakeTasks(num_train=100, num_held_out=50).load()
    maps = ["-".join(task.info["map"]) for task in (*sets.held_out, *sets.train)]
    assert (len(sets.train), len(sets.held_out)) == (100, 50)
    assert len(set(maps)) == 150
    assert [task.id for task in (*sets.held_out, *sets.train)] == [f"frozen_lake/{m}" for m in maps]


def test_held_out_maps_do_not_depend_on_how_many_are_trained_on() -> None:
    few, many = (FrozenLakeTasks(num_train=n, num_held_out=30).load() for n in (10, 80))
    assert few.held_out == many.held_out
    assert FrozenLakeTasks(num_train=10, num_held_out=30, seed=1).load().held_out != few.held_out


def test_a_prompt_comes_first() -> None:
    (task,) = FrozenLakeTasks(num_train=1, num_held_out=0, prompt="Find the goal.").load().train
    assert task.prompt == ({"role": "user", "content": "Find the goal."},)


def test_asking_for_more_maps_than_there_are_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="different maps of size 2"):
        FrozenLakeTasks(size=2, num_train=3, num_held_out=1).load()
