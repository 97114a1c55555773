"""The 2x2 cube: what a cube must obey, and that the oracle is quick."""

import functools

import pytest

from guerdon.envs.games.rubik import ACTIONS, RubikGame, inverse, is_solved, solved, turn
from guerdon.errors import ConfigError
from guerdon.types import Task


def after(*names: str):
    return functools.reduce(turn, names, solved())


@pytest.mark.parametrize("name", ACTIONS)
def test_a_turn_done_four_times_or_undone_changes_nothing(name):
    assert after(*[name] * 4) == after(name, inverse(name)) == solved()
    assert not is_solved(after(name)) and after(name, name) != solved()


def test_a_turn_changes_the_colour_of_eight_places_and_keeps_every_colour():
    for name in ACTIONS:
        moved = [a != b for a, b in zip(after(name), solved(), strict=True)]
        assert sum(moved) == 8  # four stickers of the face itself have one colour
        assert sorted(after(name)) == sorted(solved())


def test_the_front_turned_clockwise_brings_up_to_right():
    """F: the lower stickers of U come to the left column of R."""
    cube = after("F")
    up, right = 0, 3
    assert [cube[4 * right], cube[4 * right + 2]] == [up, up]
    assert [cube[4 * right + 1], cube[4 * right + 3]] == [right, right]


def test_known_orders_of_sequences():
    """On any cube (R U R' U')6 and (R U)105 are the identity; a 2x2 needs 15 of the latter."""
    sexy = ("R", "U", "R'", "U'")
    assert after(*sexy * 6) == solved() and after(*sexy * 3) != solved()
    assert after(*("R", "U") * 15) == solved() and after(*("R", "U") * 5) != solved()


def test_opposite_turns_are_a_turn_of_the_whole_cube():
    assert is_solved(after("R", "L'")) and after("R", "L'") != solved()


@pytest.mark.parametrize("scramble", [1, 3, 5])
def test_the_oracle_needs_no_more_turns_than_the_scramble(scramble):
    game = RubikGame(scramble=scramble)
    for seed in range(4):
        game.reset(Task("t", (), info={"seed": seed}), 0)
        steps = [game.step(game.oracle())]
        while not steps[-1][2]:
            steps.append(game.step(game.oracle()))
        assert len(steps) <= scramble and steps[-1][1] == steps[-1][4]["success"] == 1.0


def test_a_scramble_too_long_for_the_oracle_is_refused():
    with pytest.raises(ConfigError, match=r"scramble must lie in 1\.\.7"):
        RubikGame(scramble=8)
