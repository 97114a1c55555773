"""Sudoku, 4x4 or 9x9, one number a step. Every puzzle has exactly one solution.

Rewards say nothing of the solution before it is there: a number that no rule forbids is taken,
right or wrong, and can be replaced.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Literal

from guerdon.envs.game import state_seed
from guerdon.envs.games.sudoku_boards import Board, candidates, make_puzzle, peers
from guerdon.errors import ConfigError
from guerdon.types import Task

_PLACED = re.compile(
    r"(?:place|put)?\s*(\d+)\s+(?:at|in)\s+row\s+(\d+),?\s*col(?:umn)?\s+(\d+)", re.IGNORECASE
)
_TRIPLE = re.compile(r"\(?\s*(\d+)\s*[, ]\s*(\d+)\s*[, ]\s*(\d+)\s*\)?")


@dataclass(kw_only=True)
class SudokuGame:
    """A puzzle made from the task's seed.

    An action is ``row column number``, counted from 1, also written ``(row, column, number)`` or
    ``place 5 at row 2 column 3``. Number 0 empties a cell again.

    Args:
        size: 4 or 9.
        num_empty: cells to fill; fewer where a unique solution does not allow so many.
        solved_reward: for the last right number.
        illegal_penalty: for a number in a given cell, or one a peer has; the board stays.
        conflicts: whether such an action is answered with the rule it breaks.
    """

    size: Literal[4, 9] = 4
    num_empty: int = 6
    solved_reward: float = 1.0
    illegal_penalty: float = 0.1
    conflicts: bool = True
    instruction: str = field(default="", init=False, repr=False)
    _puzzle: Board = field(default=(), init=False, repr=False)
    _solution: Board = field(default=(), init=False, repr=False)
    _cells: list[int] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.num_empty <= self.size**2 - 4:
            raise ConfigError(
                f"SudokuGame: num_empty must lie in 1..{self.size**2 - 4}, not {self.num_empty}"
            )
        self.instruction = (
            f"Fill the board: every row, column and box has each number from 1 to {self.size} "
            f"once. A dot is an empty cell. Say row, column and number, such as 1 2 3. Number 0 "
            f"empties a cell."
        )

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Show the puzzle."""
        self._puzzle, self._solution = make_puzzle(self.size, self.num_empty, state_seed(task))
        self._cells = list(self._puzzle)
        return self._tell(), {"success": 0.0}

    def read(self, text: str) -> str | None:
        """``row column number`` of any of the spellings."""
        if found := _PLACED.fullmatch(text.strip(" .")):
            number, row, column = map(int, found.groups())
        elif found := _TRIPLE.fullmatch(text.strip(" .")):
            row, column, number = map(int, found.groups())
        else:
            return None
        inside = 1 <= row <= self.size and 1 <= column <= self.size and 0 <= number <= self.size
        return f"{row} {column} {number}" if inside else None

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Write a number, or empty a cell."""
        row, column, number = map(int, action.split())
        cell = (row - 1) * self.size + column - 1
        if problem := self._problem(cell, number):
            told = f"{problem}\n{self._tell()}" if self.conflicts else self._tell()
            return told, -self.illegal_penalty, False, False, self._info(0.0)
        is_effective = self._cells[cell] != number
        self._cells[cell] = number
        won = tuple(self._cells) == self._solution
        return self._tell(), self.solved_reward * won, won, False, self._info(float(is_effective))

    def anchor(self) -> str:
        """The puzzle and the board."""
        return f"{''.join(map(str, self._puzzle))} {''.join(map(str, self._cells))}"

    def oracle(self) -> str:
        """A right number; a wrong one that stands in its way is taken away first."""
        wrong = [i for i, right in enumerate(self._solution) if self._cells[i] not in (0, right)]
        if wrong:
            return self._action(wrong[0], 0)
        cell = self._cells.index(0)
        return self._action(cell, self._solution[cell])

    def sample(self, draw: random.Random) -> str:
        """Any number in any cell that was not given."""
        free = [cell for cell, number in enumerate(self._puzzle) if not number]
        return self._action(draw.choice(free), draw.randint(1, self.size))

    def _action(self, cell: int, number: int) -> str:
        row, column = divmod(cell, self.size)
        return f"{row + 1} {column + 1} {number}"

    def _problem(self, cell: int, number: int) -> str:
        """The rule an action breaks; empty: none."""
        if self._puzzle[cell]:
            return "That cell is given."
        if number and number not in candidates(self._cells, cell, self.size):
            clash = next(c for c in sorted(peers(self.size)[cell]) if self._cells[c] == number)
            row, column = divmod(clash, self.size)
            return f"{number} is already at row {row + 1}, column {column + 1}."
        return ""

    def _info(self, effective: float) -> dict[str, float]:
        won = tuple(self._cells) == self._solution
        return {"success": float(won), "effective": effective}

    def _tell(self) -> str:
        size = self.size
        rows = (self._cells[start : start + size] for start in range(0, size * size, size))
        return "\n".join(" ".join(str(number or ".") for number in row) for row in rows)
