"""Environment classes written for RAGEN: ``reset(seed)``, ``step`` with four values, ``render``."""

from __future__ import annotations

import inspect
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.envs.adapters.own_random import OwnRandom
from guerdon.envs.calls import numbers
from guerdon.envs.game import state_seed
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed


@dataclass(kw_only=True)
class RagenGame:
    """Plays an object of such a class.

        game:
          _target_: guerdon.envs.adapters.ragen.RagenGame
          env:
            _target_: my_package.SokobanEnv
            config: {_target_: my_package.SokobanEnvConfig, dim_x: 6, dim_y: 6}

    The observation is what ``render()`` returns after each call. ``config.action_lookup``, where
    there is one, names the actions; without it the text goes to ``step`` as it is. The world is
    seeded by the task's seed, so members of a group differ in chance only where the class draws
    from the global generators; it is lent private ones.

    Args:
        env: the object.
        instruction: what a `Brief` tells.
    """

    env: Any
    instruction: str = ""
    actions: Sequence[str] = field(default=(), init=False, repr=False)
    _ids: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _random: OwnRandom | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        missing = [
            n for n in ("reset", "step", "render") if not callable(getattr(self.env, n, None))
        ]
        if missing:
            raise ConfigError(f"RagenGame: {type(self.env).__name__} has no {', '.join(missing)}()")
        lookup = getattr(getattr(self.env, "config", None), "action_lookup", None) or {}
        self._ids = {str(name): number for number, name in lookup.items()}
        self.actions = tuple(self._ids)

    @property
    def legend(self) -> dict[str, str]:
        """What the symbols mean, where the configuration says."""
        return dict(getattr(getattr(self.env, "config", None), "grid_vocab", None) or {})

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Reset with the task's seed."""
        start = derive_seed("ragen", state_seed(task)) % 2**31
        takes = inspect.signature(self.env.reset).parameters
        has_any = any(p.kind is p.VAR_KEYWORD for p in takes.values())
        mode = {"mode": "train"} if "mode" in takes or has_any else {}
        with OwnRandom(start).lent():
            self.env.reset(seed=start, **mode)
        self._random = OwnRandom(seed)
        return self._render(), {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Act; ``action_is_effective`` is kept as ``effective``."""
        assert self._random is not None
        with self._random.lent():
            _, reward, done, info = self.env.step(self._ids.get(action, action))
        found = {"success": 0.0} | numbers(info)
        if "action_is_effective" in found:
            found["effective"] = found.pop("action_is_effective")
        return self._render(), float(reward), bool(done), False, found

    def close(self) -> None:
        """Close the environment, if it can be."""
        if callable(getattr(self.env, "close", None)):
            self.env.close()

    def sample(self, draw: random.Random) -> str:
        """Any of the actions; those that only take text get a word."""
        return draw.choice(self.actions) if self.actions else "nothing"

    def _render(self) -> str:
        return str(self.env.render())
