"""What a success rate on frozen lakes is worth: the best blind player, a random one, a perfect one.

Exact, without playing; for lakes that are not slippery. A map is its rows of S, F, H, G.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from guerdon.envs.games.lake_view import MOVES

Maps = Sequence[Sequence[str]]
_FAR = 1 << 20


def best_blind_success(maps: Maps, max_turns: int) -> float:
    """The largest share of maps that one fixed string of at most ``max_turns`` actions solves.

    A policy that does not look at the map cannot do better on these maps. Found by branch and
    bound: a string is given up when the maps it can still solve are too few.
    """
    following, goal, start = _tables(maps)
    distance = _distances(following, goal)
    each = np.arange(len(maps))
    best = 0

    def search(position: npt.NDArray[np.int64], left: int) -> None:
        nonlocal best
        best = max(best, int((position == goal).sum()))
        if left == 0:
            return
        after = [following[each, position, action] for action in range(len(MOVES))]
        hope = [int((distance[each, there] < left).sum()) for there in after]
        for action in sorted(range(len(MOVES)), key=lambda a: -hope[a]):
            if hope[action] > best:
                search(after[action], left - 1)

    search(start, max_turns)
    return best / len(maps)


def random_success(maps: Maps, max_turns: int) -> float:
    """The chance that uniformly random actions reach the goal in ``max_turns``, mean over maps."""
    following, goal, start = _tables(maps)
    each = np.arange(len(maps))
    chance = np.zeros(following.shape[:2])
    chance[each, start] = 1.0
    for _ in range(max_turns):
        moved = np.zeros_like(chance)
        for action in range(len(MOVES)):
            np.add.at(moved, (each[:, None], following[:, :, action]), chance / len(MOVES))
        chance = moved
    return float(chance[each, goal].mean())


def _tables(
    maps: Maps,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Next cell by (map, cell, action), and each map's goal and start; holes and goals hold on."""
    height, width = len(maps[0]), len(maps[0][0])
    cells = np.array([list("".join(rows)) for rows in maps])
    row, column = np.divmod(np.arange(height * width), width)
    moves = [
        np.clip(row + down, 0, height - 1) * width + np.clip(column + right, 0, width - 1)
        for down, right in MOVES
    ]
    following = np.broadcast_to(np.stack(moves, axis=1), (len(maps), height * width, 4)).copy()
    stuck = np.isin(cells, ("H", "G"))
    following[stuck] = np.nonzero(stuck)[1][:, None]
    return following, (cells == "G").argmax(axis=1), (cells == "S").argmax(axis=1)


def _distances(
    following: npt.NDArray[np.int64], goal: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Fewest actions from each cell to the goal, by (map, cell)."""
    each = np.arange(len(goal))
    distance = np.full(following.shape[:2], _FAR)
    distance[each, goal] = 0
    for _ in range(following.shape[1]):
        nearer = 1 + distance[each[:, None, None], following].min(axis=2)
        distance = np.minimum(distance, nearer)
    return distance
