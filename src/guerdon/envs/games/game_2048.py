"""2048: slide tiles, equal neighbours merge; success is to make a tile of ``goal``."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from guerdon.envs.game import state_seed
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed

Board = tuple[tuple[int, ...], ...]
ACTIONS = ("Up", "Right", "Down", "Left")


@dataclass(kw_only=True)
class Game2048:
    """The board's first tiles come from the task's seed, later ones from the member's.

    The reward of a move is log2(1 + sum of merged tiles) / ``reward_scale``; a move that changes
    nothing costs ``noop_penalty``. The game ends at ``goal``, or when no move is left.

    Args:
        size: rows and columns.
        goal: the tile to make, a power of two.
        four_chance: that a new tile is a 4 and not a 2.
        reward_scale: see above.
        noop_penalty: see above.
    """

    size: int = 4
    goal: int = 2048
    four_chance: float = 0.1
    reward_scale: float = 10.0
    noop_penalty: float = 0.1
    actions: Sequence[str] = field(default=ACTIONS, init=False, repr=False)
    instruction: str = field(default="", init=False, repr=False)
    _board: Board = field(default=(), init=False, repr=False)
    _draw: random.Random = field(default_factory=random.Random, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.size < 2 or self.goal < 8 or self.goal & (self.goal - 1):
            raise ConfigError("Game2048: size must be at least 2, and goal 8, 16, 32 ...")
        if not 0 <= self.four_chance <= 1 or self.reward_scale <= 0:
            raise ConfigError("Game2048: four_chance must lie in 0..1 and reward_scale be above 0")
        self.instruction = (
            f"Slide all tiles in one direction. Equal tiles that meet merge into their sum. Make a "
            f"tile of {self.goal}. A dot is an empty cell."
        )

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Two tiles on an empty board."""
        start = random.Random(derive_seed("2048", state_seed(task)))
        self._board = ((0,) * self.size,) * self.size
        self._add_tile(start)
        self._add_tile(start)
        self._draw = random.Random(seed)
        return self._tell(), self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Slide, and put a new tile if anything moved."""
        board, merged = slide(self._board, action)
        is_effective = board != self._board
        reward = math.log2(1 + merged) / self.reward_scale if is_effective else -self.noop_penalty
        if is_effective:
            self._board = board
            self._add_tile(self._draw)
        info = self._info() | {"effective": float(is_effective)}
        over = bool(info["success"]) or not self._can_move()
        return self._tell(), reward, over, False, info

    def anchor(self) -> str:
        """The board."""
        return self._tell()

    def _info(self) -> dict[str, float]:
        largest = max(map(max, self._board))
        return {"success": float(largest >= self.goal), "max_tile": float(largest)}

    def _tell(self) -> str:
        return "\n".join(" ".join(str(tile or ".") for tile in row) for row in self._board)

    def _add_tile(self, draw: random.Random) -> None:
        empty = [(r, c) for r, row in enumerate(self._board) for c, t in enumerate(row) if not t]
        at = draw.choice(empty)
        tile = 4 if draw.random() < self.four_chance else 2
        self._board = tuple(
            tuple(tile if (r, c) == at else old for c, old in enumerate(row))
            for r, row in enumerate(self._board)
        )

    def _can_move(self) -> bool:
        return any(slide(self._board, action)[0] != self._board for action in ACTIONS)


def slide(board: Board, action: str) -> tuple[Board, int]:
    """The board after a move, before a new tile, and the sum of merged tiles."""
    is_vertical, is_reversed = action in ("Up", "Down"), action in ("Right", "Down")
    lines = tuple(zip(*board, strict=True)) if is_vertical else board
    moved, total = [], 0
    for line in lines:
        new, merged = _squeeze(line[::-1] if is_reversed else line)
        moved.append(new[::-1] if is_reversed else new)
        total += merged
    return (tuple(zip(*moved, strict=True)) if is_vertical else tuple(moved)), total


def _squeeze(line: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """One line slid towards its beginning; a tile merges at most once."""
    tiles, merged = [tile for tile in line if tile], 0
    out: list[int] = []
    at = 0
    while at < len(tiles):
        if at + 1 < len(tiles) and tiles[at] == tiles[at + 1]:
            out.append(2 * tiles[at])
            merged += out[-1]
            at += 2
        else:
            out.append(tiles[at])
            at += 1
    return (*out, *[0] * (len(line) - len(out))), merged
