"""Rubik's 2x2 cube: quarter turns of its six faces until every face has one colour."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from guerdon.envs.game import state_seed
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed

Cube = tuple[int, ...]
"""The colour of each of 24 stickers, four a face, faces in the order of ``FACES``."""
FACES = "ULFRBD"
ACTIONS = tuple(f"{face}{turn}" for face in FACES for turn in ("", "'"))
COLOURS = "WOGRBY"

_NORMALS = {
    "U": (0, 1, 0),
    "L": (-1, 0, 0),
    "F": (0, 0, 1),
    "R": (1, 0, 0),
    "B": (0, 0, -1),
    "D": (0, -1, 0),
}
_NEAR = 4
"""Turns from solved that the table of the oracle knows."""
_FAR = 3
"""Turns it searches before it reaches the table."""

Vector = tuple[int, int, int]


@dataclass(kw_only=True)
class RubikGame:
    """A cube scrambled by ``scramble`` random turns from the task's seed; 1 for solving it.

    Args:
        scramble: turns, none of which undoes the one before; at most 7, for the oracle's sake.
        step_penalty: taken off for each turn.
    """

    scramble: int = 3
    step_penalty: float = 0.0
    actions: Sequence[str] = field(default=ACTIONS, init=False, repr=False)
    instruction: str = field(
        default=(
            "Solve the 2x2 cube: every face must have one colour. U, L, F, R, B and D turn a face "
            "a quarter clockwise, with ' the other way."
        ),
        init=False,
        repr=False,
    )
    _cube: Cube = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.scramble <= _NEAR + _FAR:
            raise ConfigError(f"RubikGame: scramble must lie in 1..7, not {self.scramble}")

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Scramble."""
        draw = random.Random(derive_seed("rubik", state_seed(task)))
        cube = solved()
        while is_solved(cube):
            cube, last = solved(), ""
            for _ in range(self.scramble):
                last = draw.choice([name for name in ACTIONS if name != inverse(last)])
                cube = turn(cube, last)
        self._cube = cube
        return self._tell(), {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Turn a face."""
        self._cube = turn(self._cube, action)
        won = is_solved(self._cube)
        return self._tell(), won - self.step_penalty, won, False, {"success": float(won)}

    def anchor(self) -> str:
        """All stickers."""
        return "".join(COLOURS[colour] for colour in self._cube)

    def oracle(self) -> str | None:
        """The first turn of a shortest solution; None: it is too far away."""
        return first_turn(self._cube)

    def _tell(self) -> str:
        lines = []
        for number, face in enumerate(FACES):
            a, b, c, d = (COLOURS[colour] for colour in self._cube[4 * number : 4 * number + 4])
            lines.append(f"{face}: {a} {b} / {c} {d}")
        return "\n".join(lines)


def solved() -> Cube:
    """The cube as it should be."""
    return tuple(number for number in range(6) for _ in range(4))


def is_solved(cube: Cube) -> bool:
    """Whether every face has one colour."""
    return all(len(set(cube[start : start + 4])) == 1 for start in range(0, 24, 4))


def inverse(name: str) -> str:
    """The turn that undoes a turn."""
    return name[:-1] if name.endswith("'") else f"{name}'" if name else ""


def turn(cube: Cube, name: str) -> Cube:
    """The cube after a turn."""
    return tuple(cube[source] for source in _sources()[name])


def first_turn(cube: Cube) -> str | None:
    """The first turn of a shortest solution; None: solved, or more turns away than it looks."""
    near = _distances()
    for far in range(_FAR + 1):
        best: tuple[int, str] | None = None
        for names in itertools.product(ACTIONS, repeat=far + 1):
            at = functools.reduce(turn, names, cube)
            if at in near and (best is None or near[at] < best[0]):
                best = (near[at], names[0])
        if best is not None:
            return best[1]
    return None


@functools.lru_cache(maxsize=1)
def _distances() -> dict[Cube, int]:
    """Turns to the nearest solved cube, in any of its 24 positions, for cubes near one."""
    layer = _positions()
    found = dict.fromkeys(layer, 0)
    for distance in range(1, _NEAR + 1):
        fresh = dict.fromkeys(turn(cube, name) for cube in layer for name in ACTIONS)
        layer = [cube for cube in fresh if cube not in found]
        found.update(dict.fromkeys(layer, distance))
    return found


def _positions() -> list[Cube]:
    """The solved cube turned as a whole: a face one way and the opposite face the other."""
    whole = [("U", "D'"), ("R", "L'"), ("F", "B'")]
    found, todo = {solved()}, [solved()]
    while todo:
        cube = todo.pop()
        for pair in whole:
            after = functools.reduce(turn, pair, cube)
            if after not in found:
                found.add(after)
                todo.append(after)
    return sorted(found)


@functools.lru_cache(maxsize=1)
def _sources() -> dict[str, tuple[int, ...]]:
    """For each turn, where the sticker of each place comes from."""
    places = [place for face in FACES for place in _stickers(_NORMALS[face])]
    index = {place: number for number, place in enumerate(places)}
    found = {}
    for face in FACES:
        axis = _NORMALS[face]
        sources = list(range(24))
        for corner, normal in places:
            if _dot(corner, axis) > 0:  # a sticker of a corner in the layer that turns
                moved = (_clockwise(corner, axis), _clockwise(normal, axis))
                sources[index[moved]] = index[corner, normal]
        found[face] = tuple(sources)
        back = [0] * 24
        for place, source in enumerate(sources):
            back[source] = place
        found[f"{face}'"] = tuple(back)
    return found


def _stickers(normal: Vector) -> list[tuple[Vector, Vector]]:
    """(corner, normal) of a face's stickers, row by row as one looks at it."""
    up = (0, 1, 0) if normal[1] == 0 else (0, 0, -normal[1])
    right = _cross(up, normal)
    corners = []
    for down in (1, -1):
        for across in (-1, 1):
            parts = zip(normal, up, right, strict=True)
            x, y, z = (n + down * u + across * r for n, u, r in parts)
            corners.append(((x, y, z), normal))
    return corners


def _clockwise(v: Vector, axis: Vector) -> Vector:
    """``v`` turned by a quarter, clockwise as seen from the tip of ``axis``."""
    along, (x, y, z) = _dot(v, axis), _cross(v, axis)
    return x + along * axis[0], y + along * axis[1], z + along * axis[2]


def _dot(a: Vector, b: Vector) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
