"""Sudoku boards of 4x4 and 9x9: filling, counting solutions, and puzzles with exactly one.

A board is a tuple of numbers, row by row, 0 for an empty cell.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Sequence

from guerdon.types import derive_seed

Board = tuple[int, ...]


@functools.lru_cache(maxsize=4)
def peers(size: int) -> tuple[frozenset[int], ...]:
    """For each cell, the others in its row, column and box."""
    box = round(size**0.5)

    def units(cell: int) -> tuple[int, int, int]:
        row, column = divmod(cell, size)
        return row, column, row // box * box + column // box

    cells = range(size * size)
    return tuple(
        frozenset(
            other
            for other in cells
            if other != cell and any(a == b for a, b in zip(units(cell), units(other), strict=True))
        )
        for cell in cells
    )


def candidates(board: Sequence[int], cell: int, size: int) -> list[int]:
    """Numbers that no peer of a cell has."""
    taken = {board[other] for other in peers(size)[cell]}
    return [number for number in range(1, size + 1) if number not in taken]


def solutions(
    board: Sequence[int], size: int, draw: random.Random | None = None
) -> Iterator[Board]:
    """All ways to fill a board, the cell with the fewest candidates first; in random order with
    ``draw``."""
    cells = list(board)

    def fill() -> Iterator[Board]:
        empty = [cell for cell, number in enumerate(cells) if not number]
        if not empty:
            yield tuple(cells)
            return
        options = {cell: candidates(cells, cell, size) for cell in empty}
        cell = min(empty, key=lambda one: len(options[one]))
        choices = options[cell]
        if draw is not None:
            draw.shuffle(choices)
        for number in choices:
            cells[cell] = number
            yield from fill()
        cells[cell] = 0

    return fill()


def has_one_solution(board: Sequence[int], size: int) -> bool:
    """Whether a board can be filled in exactly one way."""
    found = solutions(board, size)
    return next(found, None) is not None and next(found, None) is None


@functools.lru_cache(maxsize=4096)
def make_puzzle(size: int, num_empty: int, seed: int) -> tuple[Board, Board]:
    """(puzzle, solution): numbers are taken away in random order while one solution is left.

    Where no more can be taken away before ``num_empty`` cells are empty, the puzzle has fewer.
    """
    draw = random.Random(derive_seed("sudoku", size, seed))
    solution = next(solutions([0] * size * size, size, draw))
    puzzle = list(solution)
    left = num_empty
    for cell in draw.sample(range(size * size), size * size):
        if left == 0:
            break
        number, puzzle[cell] = puzzle[cell], 0
        # another number in this cell would be a second solution, and there is no other kind
        others = [n for n in candidates(puzzle, cell, size) if n != number]
        is_unique = True
        for other in others:
            puzzle[cell] = other
            is_unique = is_unique and next(solutions(puzzle, size), None) is None
        puzzle[cell] = 0 if is_unique else number
        left -= is_unique
    return tuple(puzzle), solution
