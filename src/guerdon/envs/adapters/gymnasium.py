"""Any Gymnasium environment with discrete actions, as a game in words."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

from guerdon.envs.adapters import gymnasium_words
from guerdon.envs.game import state_seed
from guerdon.envs.tabular import best_actions
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed


@dataclass(kw_only=True)
class GymnasiumGame:
    """A world that ``gymnasium.make`` knows. Dynamics, rewards and time limit are its own.

    The world's start comes from the task's seed; its generator then goes on with the member's.

    Args:
        id: the environment's name, such as ``Blackjack-v1``.
        kwargs: for ``gymnasium.make``.
        action_names: one for each action, in their order; None: the numbers.
        view: the observation: in ``words`` where `gymnasium_words` has some for this environment,
            as the world draws itself in letters (``ansi``), or the ``raw`` observation.
        success_reward: an episode succeeds when it terminates with at least this last reward.
        instruction: what a `Brief` tells.
    """

    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    action_names: Sequence[str] | None = None
    view: Literal["words", "ansi", "raw"] = "words"
    success_reward: float = 1.0
    instruction: str = ""
    actions: Sequence[str] = field(default=(), init=False, repr=False)
    _world: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        world = self._make()
        space = world.action_space
        if not isinstance(space, Discrete):
            raise ConfigError(f"GymnasiumGame: the actions of {self.id} are {space}, not discrete")
        names = self.action_names or [str(space.start + n) for n in range(int(space.n))]
        if len(set(names)) != space.n:
            raise ConfigError(
                f"GymnasiumGame: {self.id} has {space.n} actions; action_names has "
                f"{len(set(names))} different ones"
            )
        if self.view == "words" and self._name() not in gymnasium_words.WORDS:
            known = ", ".join(gymnasium_words.WORDS)
            raise ConfigError(
                f"GymnasiumGame: there are words for {known}; for {self.id} use view=ansi or raw"
            )
        self.actions = tuple(names)

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Begin where the task's seed says, and go on by the member's."""
        if self._world is None:
            self._world = self._make()
        start = derive_seed("gymnasium", state_seed(task)) % 2**32
        observation, _ = self._world.reset(seed=start)
        self._world.unwrapped.np_random = np.random.default_rng(seed)
        return self._tell(observation), {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Act."""
        number = int(self._world.action_space.start) + self.actions.index(action)
        observation, reward, terminated, truncated, _ = self._world.step(number)
        won = bool(terminated) and float(reward) >= self.success_reward
        info = {"success": float(won)}
        return self._tell(observation), float(reward), bool(terminated), bool(truncated), info

    def close(self) -> None:
        """Close the world."""
        if self._world is not None:
            self._world.close()
            self._world = None

    def _make(self) -> Any:
        options: dict[str, Any] = {"render_mode": "ansi"} if self.view == "ansi" else {}
        options |= self.kwargs
        try:
            return gymnasium.make(self.id, disable_env_checker=True, **options)
        except (gymnasium.error.Error, TypeError, ImportError) as error:
            raise ConfigError(f"GymnasiumGame: {self.id}: {error}") from error

    def _name(self) -> str:
        return self.id.split("/")[-1].rsplit("-v", 1)[0]

    def _tell(self, observation: Any) -> str:
        if self.view == "ansi":
            return str(self._world.render()).strip("\n")
        if self.view == "words":
            return gymnasium_words.WORDS[self._name()](observation)
        plain = observation.tolist() if hasattr(observation, "tolist") else observation
        return str(plain)


@dataclass(kw_only=True)
class GymnasiumTable(GymnasiumGame):
    """A world whose transitions are known (``P``) and whose state is a number (``s``), such as
    Taxi and CliffWalking: it has anchors and an oracle."""

    def anchor(self) -> str:
        """The state's number."""
        return str(int(self._world.unwrapped.s))

    def snapshot(self) -> GymnasiumTable:
        """A game that goes on from here on its own."""
        copied = copy.copy(self)
        copied._world = _copy(self._world)
        copied._world.unwrapped.np_random = copy.deepcopy(self._world.unwrapped.np_random)
        return copied

    def _make(self) -> Any:
        key = json.dumps([self.id, self.view, dict(self.kwargs)], sort_keys=True)
        if key not in _WORLDS:
            _WORLDS[key] = super()._make()
        return _copy(_WORLDS[key])

    def close(self) -> None:
        """Nothing is held."""

    def oracle(self) -> str:
        """The action of the highest value."""
        best = _policy(self.id, json.dumps(dict(self.kwargs), sort_keys=True))
        return self.actions[best[int(self._world.unwrapped.s)]]


_WORLDS: dict[str, Any] = {}
"""Worlds whose tables are shared: making one takes longer than an episode in it."""


def _copy(world: Any) -> Any:
    """A world, in its wrappers, that shares what nobody writes to."""
    copied = copy.copy(world)
    if "env" in vars(world):
        copied.env = _copy(world.env)
    return copied


@functools.lru_cache(maxsize=16)
def _policy(name: str, kwargs: str) -> tuple[int, ...]:
    world: Any = gymnasium.make(name, disable_env_checker=True, **json.loads(kwargs)).unwrapped
    return best_actions(world.P)
