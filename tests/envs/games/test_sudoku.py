"""Sudoku: unique puzzles, spellings of an action, and rewards that leak nothing."""

import pytest

from guerdon.envs.games.sudoku import SudokuGame
from guerdon.envs.games.sudoku_boards import has_one_solution, make_puzzle, solutions
from guerdon.errors import ConfigError
from guerdon.types import Task

TASK = Task("s", (), info={"seed": 1})


@pytest.mark.parametrize(("size", "num_empty", "num_seeds"), [(4, 8, 20), (9, 45, 2)])
def test_every_puzzle_has_exactly_one_solution_and_it_is_the_one(size, num_empty, num_seeds):
    for seed in range(num_seeds):
        puzzle, solution = make_puzzle(size, num_empty, seed)
        assert list(solutions(puzzle, size)) == [solution]
        assert 0 < puzzle.count(0) <= num_empty
        assert all(given in (0, right) for given, right in zip(puzzle, solution, strict=True))


def test_boards_with_none_or_several_solutions_are_recognised():
    assert not has_one_solution([0] * 16, 4)
    assert not has_one_solution([1, 1, *[0] * 14], 4)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("1 2 3", "1 2 3"),
        ("(1, 2, 3)", "1 2 3"),
        ("1,2,3.", "1 2 3"),
        ("place 3 at row 1 column 2", "1 2 3"),
        ("Put 3 in row 1, col 2", "1 2 3"),
        ("3 at row 1 col 2", "1 2 3"),
        ("1 2 0", "1 2 0"),
        ("5 1 1", None),
        ("1 1 5", None),
        ("0 1 1", None),
        ("1 2", None),
        ("row 1", None),
    ],
)
def test_an_action_has_several_spellings(text, action):
    assert SudokuGame().read(text) == action


def test_a_legal_number_is_taken_whether_right_or_wrong_and_earns_the_same():
    game = SudokuGame(num_empty=8)
    game.reset(TASK, 0)
    for cell, (given, right) in enumerate(zip(game._puzzle, game._solution, strict=True)):
        row, column = divmod(cell, 4)
        for number in range(1, 5):
            if given:
                told, reward, *_ = game.step(f"{row + 1} {column + 1} {number}")
                assert reward == -0.1 and told.startswith("That cell is given.")
            elif number != right:
                reward = game.step(f"{row + 1} {column + 1} {number}")[1]
                assert reward in (0.0, -0.1)
                game.step(f"{row + 1} {column + 1} 0")
    assert list(game._puzzle) == game._cells


def test_a_number_that_a_peer_has_is_refused_with_the_reason():
    game = SudokuGame(num_empty=8)
    game.reset(TASK, 0)
    cell = game._puzzle.index(0)
    taken = next(
        n
        for n in range(1, 5)
        if n not in (game._solution[cell],)
        and any(game._puzzle[o] == n for o in range(16) if o // 4 == cell // 4)
    )
    told, reward, *_, info = game.step(f"{cell // 4 + 1} {cell % 4 + 1} {taken}")
    assert f"{taken} is already at row {cell // 4 + 1}" in told
    assert reward == -0.1 and info["effective"] == 0.0


def test_the_oracle_takes_wrong_numbers_back_and_solves():
    game = SudokuGame(num_empty=10)
    game.reset(TASK, 0)
    wrong = next(
        f"{c // 4 + 1} {c % 4 + 1} {n}"
        for c in range(16)
        for n in range(1, 5)
        if not game._puzzle[c] and n != game._solution[c] and not game._problem(c, n)
    )
    game.step(wrong)
    last = None
    for _ in range(12):
        last = game.step(game.oracle())
        if last[2]:
            break
    assert last is not None and last[1] == 1.0 and last[4]["success"] == 1.0


def test_a_board_with_almost_nothing_on_it_is_refused():
    with pytest.raises(ConfigError, match=r"num_empty must lie in 1\.\.12"):
        SudokuGame(num_empty=16)
