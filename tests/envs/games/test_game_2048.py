"""2048: slides by hand, new tiles, and the end."""

import pytest

from guerdon.envs.games.game_2048 import Game2048, slide
from guerdon.errors import ConfigError
from guerdon.types import Task

TASK = Task("t", (), info={"seed": 3})


@pytest.mark.parametrize(
    ("row", "after", "merged"),
    [
        ((2, 2, 2, 2), (4, 4, 0, 0), 8),
        ((2, 0, 2, 4), (4, 4, 0, 0), 4),
        ((4, 2, 2, 0), (4, 4, 0, 0), 4),
        ((0, 0, 0, 2), (2, 0, 0, 0), 0),
        ((2, 4, 2, 4), (2, 4, 2, 4), 0),
        ((2, 2, 2, 0), (4, 2, 0, 0), 4),
    ],
)
def test_a_row_slides_and_a_tile_merges_once(row, after, merged):
    empty = (0, 0, 0, 0)
    board = (row, empty, empty, empty)
    assert slide(board, "Left") == ((after, empty, empty, empty), merged)
    mirrored = (row[::-1], empty, empty, empty)
    assert slide(mirrored, "Right") == ((after[::-1], empty, empty, empty), merged)


def test_columns_slide_like_rows():
    board = ((2, 0), (2, 4))
    assert slide(board, "Up") == (((4, 4), (0, 0)), 4)
    assert slide(board, "Down") == (((0, 0), (4, 4)), 4)


def test_the_start_is_the_groups_and_new_tiles_are_the_members():
    one, two = Game2048(), Game2048()
    assert one.reset(TASK, 1) == two.reset(TASK, 2)
    actions = ["Up", "Left", "Down", "Right"] * 5
    boards = [[game.step(action)[0] for action in actions] for game in (one, two)]
    assert boards[0] != boards[1]


def test_a_move_that_changes_nothing_costs_and_adds_no_tile():
    game = Game2048(size=2)
    game.reset(TASK, 0)
    game._board = ((2, 4), (0, 0))
    told, reward, terminated, _, info = game.step("Up")
    assert (told, reward, terminated) == ("2 4\n. .", -0.1, False)
    assert info == {"success": 0.0, "max_tile": 4.0, "effective": 0.0}


def test_the_goal_and_a_full_board_end_the_game():
    game = Game2048(size=2, goal=8)
    game.reset(TASK, 0)
    game._board = ((4, 4), (0, 0))
    _, reward, terminated, _, info = game.step("Left")
    assert terminated and info["success"] == 1.0
    assert reward == pytest.approx(3.169925001442312 / 10)  # log2(1 + 8)
    game._board = ((2, 4), (4, 2))
    assert game.step("Left")[2] is True


def test_a_goal_that_is_no_power_of_two_is_refused():
    with pytest.raises(ConfigError, match=r"goal 8, 16, 32"):
        Game2048(goal=100)
