"""FrozenLake: gymnasium's FrozenLake-v1 in words, and maps to play it on.

The world is gymnasium's own, with its dynamics, rewards and step limit; here it is only told in
words. Reward 1 at the goal, else 0.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map

from guerdon.envs.games import lake_baselines, lake_view
from guerdon.envs.tabular import best_actions
from guerdon.errors import ConfigError, EnvError
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Task, derive_seed

NUM_MAPS_KEPT = 4096
"""Worlds kept built: building one takes longer than an episode in it."""


@dataclass(kw_only=True)
class FrozenLakeGame:
    """One player on the lake of ``task.info["map"]`` (rows of S, F, H, G), for ``StepEnv``.

    Args:
        slippery: moves go astray, by gymnasium's rule, with the chance ``1 - success_rate``.
        success_rate: of a slippery lake.
        view: the observation: ``words`` (neighbour cells), ``grid`` (the whole map),
            ``coordinates`` (of player, goal and holes) or ``both`` of the latter.
        reach: cells in each direction that ``words`` names.
        visited: ``words`` says ``been`` or ``often`` of cells where the player has been.
        place: ``words`` begins with the player's row and column.
        joined: ``words`` are one a direction, ``LeftWall DownSafe``: each can be a token.
    """

    slippery: bool = False
    success_rate: float = 1.0 / 3.0
    view: Literal["words", "grid", "coordinates", "both"] = "words"
    reach: int = 1
    visited: bool = False
    place: bool = False
    joined: bool = False
    actions: Sequence[str] = field(default=lake_view.ACTIONS, init=False)
    instruction: str = field(
        default="Walk over a frozen lake to the goal, and not into a hole.", init=False, repr=False
    )
    _rows: tuple[str, ...] = field(default=(), init=False, repr=False)
    _world: Any = field(default=None, init=False, repr=False)
    _been: dict[int, int] = field(default_factory=dict, init=False, repr=False)
    _num_steps: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.reach < 1:
            raise ConfigError(f"FrozenLakeGame: reach must be at least 1, not {self.reach}")
        if not 0.0 <= self.success_rate <= 1.0:
            raise ConfigError(f"FrozenLakeGame: success_rate {self.success_rate} is not in 0..1")

    @property
    def legend(self) -> dict[str, str]:
        """What the letters of a grid mean."""
        meanings = {"P": "player", "S": "start", "F": "ice", "H": "hole", "G": "goal"}
        return meanings if self.view in ("grid", "both") else {}

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Put the player at the start; ``seed`` decides where ice slips."""
        if "map" not in task.info:
            raise EnvError(f"task {task.id!r} has no info['map'], the rows of a frozen lake")
        self._rows = tuple(task.info["map"])
        # a world's table is never written to, so a shallow copy is a world of its own
        self._world = copy.copy(_world(self._rows, self.slippery, self.success_rate))
        if self.slippery:
            self._world.reset(seed=seed)
        else:  # without chance there is no generator to make, which takes longer than an episode
            self._world.s = "".join(self._rows).index("S")
        position = int(self._world.s)
        self._been, self._num_steps = {position: 1}, 0
        return self._tell(position), {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Move, or slip."""
        before, number = self._world.s, self.actions.index(action)
        outcomes = self._world.P[before][number]
        if len(outcomes) == 1:
            _, position, reward, terminated = outcomes[0]
            self._world.s = position
        else:
            position, reward, terminated, _, _ = self._world.step(number)
        self._been[position] = self._been.get(position, 0) + 1
        self._num_steps += 1
        truncated = self._num_steps >= (self._world.spec.max_episode_steps or float("inf"))
        success = float(terminated and reward > 0)
        info = {"success": success, "effective": float(position != before)}
        return self._tell(position), float(reward), terminated, truncated, info

    def anchor(self) -> str:
        """The map and where the player stands."""
        return f"{'-'.join(self._rows)} {self._world.s}"

    def oracle(self) -> str:
        """The action with the best chance of reaching the goal, on a short way."""
        best = _best_actions(self._rows, self.slippery, self.success_rate)
        return self.actions[best[self._world.s]]

    def _tell(self, position: int) -> str:
        if self.view == "grid":
            return lake_view.grid(self._rows, position)
        if self.view == "coordinates":
            return lake_view.coordinates(self._rows, position)
        if self.view == "both":
            told = lake_view.grid(self._rows, position)
            return f"{told}\n{lake_view.coordinates(self._rows, position)}"
        visited = self._been if self.visited else lake_view.NOWHERE
        return lake_view.words(
            self._rows,
            position,
            visited=visited,
            reach=self.reach,
            place=self.place,
            joined=self.joined,
        )


@functools.lru_cache(maxsize=NUM_MAPS_KEPT)
def _world(rows: tuple[str, ...], slippery: bool, success_rate: float) -> FrozenLakeEnv:
    made = gymnasium.make(
        "FrozenLake-v1",
        desc=list(rows),
        is_slippery=slippery,
        success_rate=success_rate,
        disable_env_checker=True,
    )
    assert isinstance(made.unwrapped, FrozenLakeEnv)
    return made.unwrapped  # its wrappers only count steps, as `step` does


@functools.lru_cache(maxsize=NUM_MAPS_KEPT)
def _best_actions(rows: tuple[str, ...], slippery: bool, success_rate: float) -> tuple[int, ...]:
    return best_actions(_world(rows, slippery, success_rate).P)


@dataclass(frozen=True, kw_only=True)
class FrozenLakeTasks:
    """Maps drawn by gymnasium's generator, every one different: no held-out map is a training map.

    A task's id is its map. The first different maps drawn are held out, so they are as the
    generator makes them, and the same for any ``num_train``; the next ones are for training.

    Args:
        size: rows and columns.
        num_train: training maps.
        num_held_out: held-out maps.
        frozen_frac: chance that a cell is frozen and not a hole.
        seed: decides all of it.
        prompt: what to tell the player before the first observation.
        max_turns: of the simple players in ``baselines``.
    """

    size: int = 4
    num_train: int = 1000
    num_held_out: int = 200
    frozen_frac: float = 0.8
    seed: int = 0
    prompt: str = ""
    max_turns: int = 16

    def baselines(self) -> dict[str, float]:
        """Success of players that need no learning, on held-out maps that are not slippery."""
        maps = [task.info["map"] for task in self.load().held_out]
        blind_turns = 2 * self.size  # two more than the shortest path has; longer ones take minutes
        return {
            "random moves": lake_baselines.random_success(maps, self.max_turns),
            f"the best {blind_turns} moves that do not look at the map": (
                lake_baselines.best_blind_success(maps, blind_turns)
            ),
        }

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Draw the maps.

        Raises:
            ConfigError: there are not so many different maps to be found.
        """
        wanted = self.num_train + self.num_held_out
        maps: dict[tuple[str, ...], None] = {}
        for rows in self._draw(wanted):
            maps[rows] = None
            if len(maps) == wanted:
                break
        else:
            raise ConfigError(
                f"FrozenLakeTasks: only {len(maps)} different maps of size {self.size} were found,"
                f" but num_train + num_held_out is {wanted}: ask for fewer, or a larger size"
            )
        tasks = [self._task(rows) for rows in maps]
        held_out, train = tasks[: self.num_held_out], tasks[self.num_held_out :]
        return TaskSets(train=tuple(train), held_out=tuple(held_out))

    def _draw(self, wanted: int) -> Iterator[tuple[str, ...]]:
        for draw in range(1000 + 50 * wanted):
            seed = derive_seed(self.seed, "map", draw)
            yield tuple(generate_random_map(self.size, self.frozen_frac, seed=seed))

    def _task(self, rows: tuple[str, ...]) -> Task:
        return Task(
            id=f"frozen_lake/{'-'.join(rows)}",
            prompt=({"role": "user", "content": self.prompt},) if self.prompt else (),
            domain="frozen_lake",
            info={"map": list(rows)},
        )
