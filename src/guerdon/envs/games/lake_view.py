"""What a player on a frozen lake is told: the lake as text. Pure functions of map and position."""

from __future__ import annotations

from collections.abc import Collection, Sequence

ACTIONS = ("Left", "Down", "Right", "Up")
"""In the order of FrozenLake-v1's action numbers."""
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""(row, column) steps of the actions."""

_CELLS = {"S": "safe", "F": "safe", "H": "hole", "G": "goal"}


def words(
    rows: Sequence[str],
    position: int,
    *,
    visited: Collection[int] = (),
    reach: int = 1,
    place: bool = False,
) -> str:
    """What lies in each direction: ``Left wall Down safe Right hole Up goal``.

    Args:
        rows: the map, a letter a cell (S start, F frozen, H hole, G goal).
        position: row * number of columns + column.
        visited: cells to call ``been`` instead of ``safe``.
        reach: how many cells each direction names; beyond the edge they are ``wall``.
        place: begin with ``row 1 column 2``, counted from 1.
    """
    width = len(rows[0])
    row, column = divmod(position, width)
    told = [f"row {row + 1} column {column + 1}"] if place else []
    for action, (down, right) in zip(ACTIONS, MOVES, strict=True):
        told.append(action)
        for far in range(1, reach + 1):
            there = row + far * down, column + far * right
            told.append(_cell(rows, *there, been=there[0] * width + there[1] in visited))
    return " ".join(told)


def grid(rows: Sequence[str], position: int) -> str:
    """The whole map, a line a row, with ``P`` where the player stands."""
    width = len(rows[0])
    cells = list("".join(rows))
    cells[position] = "P"
    return "\n".join(" ".join(cells[at : at + width]) for at in range(0, len(cells), width))


def _cell(rows: Sequence[str], row: int, column: int, been: bool) -> str:
    if not (0 <= row < len(rows) and 0 <= column < len(rows[0])):
        return "wall"
    word = _CELLS[rows[row][column]]
    return "been" if been and word == "safe" else word
