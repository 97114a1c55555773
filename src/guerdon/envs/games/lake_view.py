"""What a player on a frozen lake is told: the lake as text. Pure functions of map and position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

ACTIONS = ("Left", "Down", "Right", "Up")
"""In the order of FrozenLake-v1's action numbers."""
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""(row, column) steps of the actions."""

NOWHERE: Mapping[int, int] = MappingProxyType({})
_CELLS = {"S": "safe", "F": "safe", "H": "hole", "G": "goal"}


def words(
    rows: Sequence[str],
    position: int,
    *,
    visited: Mapping[int, int] = NOWHERE,
    reach: int = 1,
    place: bool = False,
    joined: bool = False,
) -> str:
    """What lies in each direction: ``Left wall Down safe Right hole Up goal``.

    Args:
        rows: the map, a letter a cell (S start, F frozen, H hole, G goal).
        position: row * number of columns + column.
        visited: how often the player stood on a cell: safe ones are called ``been`` after once,
            ``often`` after more.
        reach: how many cells each direction names; beyond the edge they are ``wall``.
        place: begin with ``row 1 column 2``, counted from 1.
        joined: a word a direction: ``LeftWall DownSafe RightHole UpGoal``.
    """
    width = len(rows[0])
    row, column = divmod(position, width)
    told = [f"row {row + 1} column {column + 1}"] if place else []
    for action, (down, right) in zip(ACTIONS, MOVES, strict=True):
        cells = []
        for far in range(1, reach + 1):
            there = row + far * down, column + far * right
            cells.append(_cell(rows, *there, visited.get(there[0] * width + there[1], 0)))
        if joined:
            told.append(action + "".join(cell.capitalize() for cell in cells))
        else:
            told += [action, *cells]
    return " ".join(told)


def grid(rows: Sequence[str], position: int) -> str:
    """The whole map, a line a row, with ``P`` where the player stands."""
    width = len(rows[0])
    cells = list("".join(rows))
    cells[position] = "P"
    return "\n".join(" ".join(cells[at : at + width]) for at in range(0, len(cells), width))


def coordinates(rows: Sequence[str], position: int) -> str:
    """Where player, goal and holes are, as (row, column) counted from 0."""
    width = len(rows[0])

    def places(letter: str) -> str:
        cells = [divmod(i, width) for i, cell in enumerate("".join(rows)) if cell == letter]
        return " ".join(f"({row}, {column})" for row, column in cells) or "none"

    row, column = divmod(position, width)
    return "\n".join(
        [
            f"Lake: {len(rows)} rows, {width} columns",
            f"Player: ({row}, {column})",
            f"Goal: {places('G')}",
            f"Holes: {places('H')}",
        ]
    )


def _cell(rows: Sequence[str], row: int, column: int, times: int) -> str:
    if not (0 <= row < len(rows) and 0 <= column < len(rows[0])):
        return "wall"
    word = _CELLS[rows[row][column]]
    if word != "safe" or times == 0:
        return word
    return "been" if times == 1 else "often"
