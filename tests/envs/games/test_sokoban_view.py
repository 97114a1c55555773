"""Sokoban seen from the player and the boxes: every word by hand."""

from guerdon.envs.games.sokoban import SokobanGame
from guerdon.envs.games.sokoban_level import parse
from guerdon.envs.games.sokoban_view import relative
from guerdon.types import Task


def test_player_and_box_say_what_is_around_them_and_how_far_apart_things_are():
    level = parse(["######", "#.# ##", "#  $ #", "# #  #", "#  @ #", "######"])
    assert relative(level) == (
        "Up floor Down wall Left floor Right floor\n"
        "Box Up two Left zero Up floor Down floor Left floor Right floor Target Up one Left two"
    )


def test_a_box_that_cannot_be_pushed_from_here_is_stuck():
    box = "Up wall Down floor Left floor Right wall Target Down one Left one"
    assert relative(parse(["#####", "# @$#", "# . #", "#####"])) == (
        f"Up wall Down floor Left floor Right stuck\nBox Up zero Right one {box}"
    )
    # from below it can neither: the wall behind it is told by the box
    assert relative(parse(["#####", "#  $#", "# .@#", "#####"])) == (
        f"Up stuck Down wall Left floor Right wall\nBox Up one Left zero {box}"
    )


def test_the_nearest_box_comes_first_and_targets_under_other_boxes_are_not_told():
    level = parse(["#######", "#@$*  #", "#.    #", "#######"])
    assert relative(level).splitlines() == [
        "Up wall Down floor Left wall Right stuck",
        "Box Up zero Right one Up wall Down floor Left floor Right box Target Down one Left one",
        "Box Up zero Right two Up wall Down floor Left box Right floor Target Up zero Left zero",
    ]


def test_a_box_too_many_has_no_target_and_far_ways_are_told_in_figures():
    level = parse(["#" * 15, "#@" + " " * 9 + "$* #", "#" * 15])
    assert relative(level).splitlines()[1:] == [
        "Box Up zero Right 10 Up wall Down wall Left floor Right box",
        "Box Up zero Right 11 Up wall Down wall Left box Right floor Target Up zero Left zero",
    ]


def test_the_game_tells_it_and_a_push_changes_it():
    game = SokobanGame(view="relative")
    told, _ = game.reset(Task("s", (), info={"level": ["######", "#@$ .#", "######"]}), 0)
    assert told == (
        "Up wall Down wall Left wall Right box\n"
        "Box Up zero Right one Up wall Down wall Left floor Right floor Target Up zero Right two"
    )
    told = game.step("Right")[0]
    assert told == (
        "Up wall Down wall Left floor Right box\n"
        "Box Up zero Right one Up wall Down wall Left floor Right floor Target Up zero Right one"
    )
    assert set(game.legend) == {"Box", "Target", "stuck"}
