"""Sokoban levels as data: parsing and showing them, and what a push does. Pure functions.

A cell is row * width + column. The letters of level files: # wall, space floor, . target, $ box,
* box on a target, @ player, + player on a target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guerdon.errors import EnvError

ACTIONS = ("Up", "Down", "Left", "Right")
SYMBOLS = "#_O√XPS"
"""Wall, floor, target, box on a target, box, player, player on a target: as players see them."""
LETTERS = "# .*$@+"
"""The same in level files."""


@dataclass(frozen=True, slots=True)
class Level:
    """A position. ``walls`` and ``targets`` never change, ``boxes`` and ``player`` do."""

    height: int
    width: int
    walls: frozenset[int]
    targets: frozenset[int]
    boxes: frozenset[int]
    player: int

    @property
    def is_solved(self) -> bool:
        """Whether every target has a box."""
        return self.targets <= self.boxes

    def offsets(self) -> dict[str, int]:
        """What each action adds to the player's cell."""
        return dict(zip(ACTIONS, (-self.width, self.width, -1, 1), strict=True))


def parse(rows: Sequence[str], letters: str = LETTERS) -> Level:
    """The level that rows of text show.

    Raises:
        EnvError: not one player, fewer boxes than targets, an unknown letter, or an open border.
    """
    width = max((len(row) for row in rows), default=0)
    floor = letters[1]
    cells = "".join(row.ljust(width, floor) for row in rows)
    unknown = sorted(set(cells) - set(letters))
    if unknown:
        raise EnvError(f"a Sokoban level has the letter {unknown[0]!r}; known are {letters!r}")
    at = {kind: {i for i, c in enumerate(cells) if c == kind} for kind in letters}
    wall, _, target, placed, box, player, on_target = (at[letter] for letter in letters)
    targets, boxes, players = target | placed | on_target, box | placed, player | on_target
    if len(players) != 1 or not targets or len(boxes) < len(targets):
        raise EnvError(
            f"a Sokoban level has {len(players)} players, {len(boxes)} boxes and {len(targets)} "
            f"targets; it needs one player, a target and a box for each target"
        )
    level = Level(
        height=len(rows),
        width=width,
        walls=frozenset(wall),
        targets=frozenset(targets),
        boxes=frozenset(boxes),
        player=players.pop(),
    )
    _check_border(level)
    return level


def show(level: Level, symbols: str = SYMBOLS) -> str:
    """The level as rows of text."""
    wall, floor, target, placed, box, player, on_target = tuple(symbols)
    rows = []
    for start in range(0, level.height * level.width, level.width):
        row = ""
        for cell in range(start, start + level.width):
            is_target = cell in level.targets
            if cell in level.walls:
                row += wall
            elif cell == level.player:
                row += on_target if is_target else player
            elif cell in level.boxes:
                row += placed if is_target else box
            else:
                row += target if is_target else floor
        rows.append(row)
    return "\n".join(rows)


def coordinates(level: Level) -> str:
    """The level in words: everything inside the border by (row, column), counted from 0."""

    def places(cells: frozenset[int]) -> str:
        return " ".join("({}, {})".format(*divmod(cell, level.width)) for cell in sorted(cells))

    inner = frozenset(cell for cell in level.walls if not _is_border(level, cell))
    lines = [
        f"Board: {level.height} rows, {level.width} columns, walls all around",
        f"Player: {places(frozenset([level.player]))}",
        f"Boxes: {places(level.boxes)}",
        f"Targets: {places(level.targets)}",
    ]
    return "\n".join([*lines, *([f"Walls inside: {places(inner)}"] if inner else [])])


def move(level: Level, action: str) -> Level:
    """The position after an action; the same level where nothing moves."""
    offset = level.offsets()[action]
    ahead = level.player + offset
    if ahead in level.walls:
        return level
    if ahead not in level.boxes:
        return replace(level, player=ahead)
    beyond = ahead + offset
    if beyond in level.walls or beyond in level.boxes:
        return level
    return replace(level, player=ahead, boxes=level.boxes - {ahead} | {beyond})


def _is_border(level: Level, cell: int) -> bool:
    row, column = divmod(cell, level.width)
    return row in (0, level.height - 1) or column in (0, level.width - 1)


def _check_border(level: Level) -> None:
    """Nothing may be pushed, or walk, over the edge."""
    reached, todo = {level.player}, [level.player]
    while todo:
        cell = todo.pop()
        if _is_border(level, cell):
            raise EnvError("a Sokoban level is open: the player could walk over its edge")
        for offset in level.offsets().values():
            ahead = cell + offset
            if ahead not in level.walls and ahead not in reached:
                reached.add(ahead)
                todo.append(ahead)
