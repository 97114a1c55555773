"""The solver solves, the generator's distances are exact, and neither lies about it."""

from collections import deque

import pytest

from guerdon.envs.games.sokoban_level import ACTIONS, Level, move, parse
from guerdon.envs.games.sokoban_rooms import make_room
from guerdon.envs.games.sokoban_solver import solve
from guerdon.errors import ConfigError

HARD = [
    "##########",
    "#.########",
    "#  #######",
    "# $  $@###",
    "# . . ####",
    "# # $$ . #",
    "# #    ###",
    "# ##### ##",
    "#        #",
    "##########",
]
"""A level of Boxoban's medium validation set."""


def shortest(level: Level) -> int:
    """Moves of the shortest solution, by plain breadth-first search."""
    todo, seen = deque([(level, 0)]), {(level.player, level.boxes)}
    while todo:
        at, moves = todo.popleft()
        if at.is_solved:
            return moves
        for action in ACTIONS:
            after = move(at, action)
            if (after.player, after.boxes) not in seen:
                seen.add((after.player, after.boxes))
                todo.append((after, moves + 1))
    raise AssertionError("no solution")


def play(level: Level, actions: list[str]) -> Level:
    for action in actions:
        level = move(level, action)
    return level


def test_a_hard_level_is_solved():
    level = parse(HARD)
    found = solve(level)
    assert found is not None and play(level, found).is_solved


def test_a_box_in_a_corner_has_no_solution():
    assert solve(parse(["#####", "#@ .#", "#$  #", "#####"])) is None


def test_a_search_that_may_look_at_nothing_finds_nothing():
    assert solve(parse(HARD), max_nodes=1) is None


@pytest.mark.parametrize("seed", range(8))
def test_made_levels_have_a_shortest_solution_in_the_range_that_was_asked_for(seed):
    level = make_room(6, 6, 1, 4, 8, 20_000, seed)
    assert 4 <= shortest(level) <= 8
    found = solve(level)
    assert found is not None and play(level, found).is_solved
    assert not level.boxes & level.targets


def test_a_seed_makes_one_level_and_others_make_others():
    levels = {make_room(6, 6, 2, 3, 14, 20_000, seed) for seed in range(10)}
    assert len(levels) == 10
    again = make_room.__wrapped__(6, 6, 2, 3, 14, 20_000, 0)
    assert again == make_room(6, 6, 2, 3, 14, 20_000, 0)


def test_a_room_that_cannot_be_made_is_a_config_error():
    with pytest.raises(ConfigError, match="enlarge the room"):
        make_room(4, 4, 3, 3, 5, 1000, 0)
