"""Sokoban levels of any size from a seed, all of them solvable, with a known shortest solution.

A room is dug by a drunken walk; boxes start on their targets and are pulled away. The search goes
backwards from all solved positions at once, so the distance of what it finds is exact.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator

from guerdon.envs.games.sokoban_level import Level
from guerdon.errors import ConfigError
from guerdon.types import derive_seed

_MASKS = (
    ((0, 0), (0, 1)),
    ((0, 0), (1, 0)),
    ((0, 0), (0, 1), (1, 0)),
    ((0, 0), (0, 1), (1, 0), (1, 1)),
    ((0, 0), (0, -1), (0, 1)),
)
"""Cells dug around the walker."""
_TURN_CHANCE = 0.35
_MAX_TRIES = 400
_State = tuple[int, frozenset[int]]


@functools.lru_cache(maxsize=8192)
def make_room(
    height: int,
    width: int,
    num_boxes: int,
    min_moves: int,
    max_moves: int,
    max_states: int,
    seed: int,
) -> Level:
    """A level whose shortest solution has ``min_moves`` to ``max_moves`` moves.

    Args:
        height, width: walls included.
        num_boxes: boxes, and targets.
        min_moves, max_moves: see above.
        max_states: positions looked at backwards; with more boxes not all are.
        seed: decides everything.

    Raises:
        ConfigError: no such level was found.
    """
    draw = random.Random(derive_seed("sokoban", seed))
    for _ in range(_MAX_TRIES):
        floor = _dig(draw, height, width)
        if len(floor) < num_boxes + 2:
            continue
        targets = frozenset(draw.sample(sorted(floor), num_boxes))
        found = _pull(draw, floor, targets, width, max_moves, max_states)
        fitting = [
            state
            for state, distance in found.items()
            if distance >= min_moves and not state[1] & targets
        ]
        if fitting:
            player, boxes = draw.choice(fitting)
            walls = frozenset(range(height * width)) - floor
            return Level(height, width, walls, targets, boxes, player)
    raise ConfigError(
        f"Sokoban: no {height}x{width} level with {num_boxes} boxes and a solution of {min_moves} "
        f"to {max_moves} moves was found; enlarge the room or the range"
    )


def _dig(draw: random.Random, height: int, width: int) -> frozenset[int]:
    """The floor of a room: what a walker digs on its way."""
    row, column = draw.randrange(1, height - 1), draw.randrange(1, width - 1)
    direction = draw.choice(((0, 1), (0, -1), (1, 0), (-1, 0)))
    floor = set()
    for _ in range(int(1.7 * (height + width))):
        if draw.random() < _TURN_CHANCE:
            direction = draw.choice(((0, 1), (0, -1), (1, 0), (-1, 0)))
        row = min(max(row + direction[0], 1), height - 2)
        column = min(max(column + direction[1], 1), width - 2)
        for down, right in draw.choice(_MASKS):
            there = row + down, column + right
            if 0 < there[0] < height - 1 and 0 < there[1] < width - 1:
                floor.add(there[0] * width + there[1])
    return frozenset(floor)


def _pull(
    draw: random.Random,
    floor: frozenset[int],
    targets: frozenset[int],
    width: int,
    max_moves: int,
    max_states: int,
) -> dict[_State, int]:
    """Positions with the exact number of moves that solve them, nearest first."""
    offsets = [-width, width, -1, 1]
    draw.shuffle(offsets)
    distance: dict[_State, int] = {(cell, targets): 0 for cell in sorted(floor - targets)}
    layer = list(distance)
    for moves in range(1, max_moves + 1):
        following = []
        for state in layer:
            for before in _before(state, floor, offsets):
                if before not in distance:
                    distance[before] = moves
                    following.append(before)
            if len(distance) > max_states:
                return distance
        layer = following
    return distance


def _before(state: _State, floor: frozenset[int], offsets: list[int]) -> Iterator[_State]:
    """Positions from which one move leads here: by walking, or by pushing a box ahead."""
    player, boxes = state
    for offset in offsets:
        back, ahead = player - offset, player + offset
        if back not in floor or back in boxes:
            continue
        yield back, boxes
        if ahead in boxes:
            yield back, boxes - {ahead} | {player}
