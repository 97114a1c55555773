"""Sokoban's rules on small levels: parsing, showing, pushing."""

import pytest

from guerdon.envs.games.sokoban_level import SYMBOLS, coordinates, move, parse, show
from guerdon.errors import EnvError

ROWS = ["######", "#@$ .#", "# $* #", "#   .#", "######"]


def test_a_level_is_parsed_and_shown_in_any_symbols():
    level = parse(ROWS)
    assert show(level, "# .*$@+") == "\n".join(ROWS)
    assert show(level, SYMBOLS) == "######\n#PX_O#\n#_X√_#\n#___O#\n######"
    assert parse(show(level, "W.GCBA@").split("\n"), "W.GCBA@") == level


def test_a_player_on_a_target_and_ragged_rows_are_understood():
    level = parse(["####", "#+$#", "#  #", "####"])
    assert level.player in level.targets and show(level, "# .*$@+").startswith("####\n#+$#")
    assert parse([" ###", "##@##", "# $.#", "#####"]).width == 5


def test_pushing_moves_one_box_and_stops_at_walls_and_boxes():
    level = parse(["#######", "#@$ $ #", "#    .#", "#    .#", "#######"])
    pushed = move(level, "Right")
    assert show(pushed, "# .*$@+").split("\n")[1] == "# @$$ #"
    assert move(pushed, "Right") == pushed  # a box behind the box
    assert move(pushed, "Up") == pushed  # a wall
    assert move(move(pushed, "Down"), "Left").player == 7 * 2 + 1


def test_a_level_is_solved_when_every_target_has_a_box():
    level = parse(["######", "#@$.$#", "######"])
    assert not level.is_solved and move(level, "Right").is_solved


def test_coordinates_name_everything_inside_the_border():
    assert coordinates(parse(["#####", "#@$.#", "# # #", "#####"])) == (
        "Board: 4 rows, 5 columns, walls all around\n"
        "Player: (1, 1)\nBoxes: (1, 2)\nTargets: (1, 3)\nWalls inside: (2, 2)"
    )


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["###", "# #", "###"], "0 players"),
        (["#####", "#@@$.", "#####"], "2 players"),
        (["#####", "#@..#", "#$###", "#####"], "1 boxes and 2 targets"),
        (["#####", "#@x.#", "#####"], "letter 'x'"),
        (["#####", "#@$. ", "#####"], "over its edge"),
        ([], "0 players"),
    ],
)
def test_what_is_no_level_is_refused(rows, says):
    with pytest.raises(EnvError, match=says):
        parse(rows)
