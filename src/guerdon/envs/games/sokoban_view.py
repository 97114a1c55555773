"""What a Sokoban player is told without a drawing: what lies where, seen from player and boxes.

Facts of the position only: nothing here says which way to go, or whether there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from guerdon.envs.games.sokoban_level import Level

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "Box": "how far a box is from the player, and what is on its four sides",
        "Target": "how far the nearest free target is from that box",
        "stuck": "a box that cannot be pushed in this direction",
    }
)
"""What is not plain about `relative`."""

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def relative(level: Level) -> str:
    """A line for the player, then one for each box, the nearest first.

    ``Up floor Down wall Left box Right stuck``: the cells around the player; a ``box`` can be
    pushed from there, a ``stuck`` one cannot. ``Box Up zero Left one``: where a box is, seen from
    the player, then what is on its four sides (``box``: another one), and where the nearest target
    is, seen from this box, that no other box is on.
    """
    lines = [_around_player(level)]
    for box in sorted(level.boxes, key=lambda box: (_distance(level, level.player, box), box)):
        others = level.boxes - {box}
        free = level.targets - others
        told = [f"Box {_way(level, level.player, box)}", _around(level, box, others)]
        if free:
            target = min(free, key=lambda cell: (_distance(level, box, cell), cell))
            told.append(f"Target {_way(level, box, target)}")
        lines.append(" ".join(told))
    return "\n".join(lines)


def _around_player(level: Level) -> str:
    blocked = level.walls | level.boxes
    told = []
    for action, offset in level.offsets().items():
        ahead = level.player + offset
        if ahead in level.boxes:
            told.append(f"{action} {'stuck' if ahead + offset in blocked else 'box'}")
        else:
            told.append(f"{action} {'wall' if ahead in level.walls else 'floor'}")
    return " ".join(told)


def _around(level: Level, cell: int, boxes: frozenset[int]) -> str:
    told = []
    for action, offset in level.offsets().items():
        there = cell + offset
        kind = "wall" if there in level.walls else "box" if there in boxes else "floor"
        told.append(f"{action} {kind}")
    return " ".join(told)


def _way(level: Level, start: int, end: int) -> str:
    """Rows and columns between two cells: ``Up two Left one``."""
    down, right = _apart(level, start, end)
    vertical = f"{'Down' if down > 0 else 'Up'} {_number(down)}"
    return f"{vertical} {'Right' if right > 0 else 'Left'} {_number(right)}"


def _distance(level: Level, start: int, end: int) -> int:
    return sum(map(abs, _apart(level, start, end)))


def _apart(level: Level, start: int, end: int) -> tuple[int, int]:
    (row, column), (to_row, to_column) = divmod(start, level.width), divmod(end, level.width)
    return to_row - row, to_column - column


def _number(difference: int) -> str:
    size = abs(difference)
    return _NUMBERS[size] if size < len(_NUMBERS) else str(size)
