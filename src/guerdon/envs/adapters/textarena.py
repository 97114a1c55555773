"""Single-player games of TextArena.

They seed Python's global generator, so they are lent a private one; in a process of their own
(``RemoteEnv(serve="textarena_game")``) nothing of ours is near it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.envs.adapters.extras import need
from guerdon.envs.adapters.own_random import OwnRandom
from guerdon.envs.calls import numbers
from guerdon.envs.game import state_seed
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed


@dataclass(kw_only=True)
class TextArenaGame:
    """A game that ``textarena.make`` knows, played alone. The reward comes at the end.

    Args:
        id: such as ``Wordle-v0-raw``; ``-raw`` shows each message once.
        guesses: replies for a random player to choose from; the game itself takes any text.
        instruction: what a `Brief` tells, besides the game's own prompt.
        success_reward: an episode succeeds when its reward is at least this.
    """

    id: str
    guesses: Sequence[str] = ("[crane]", "[sloth]", "[pudgy]")
    instruction: str = ""
    success_reward: float = 1.0
    _world: Any = field(default=None, init=False, repr=False)
    _random: OwnRandom | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self._make()
        except (ValueError, LookupError) as error:  # no such game, or words it needs are missing
            if isinstance(error, ConfigError):
                raise
            why = " ".join(str(error).strip("* \n").split())[:200]
            raise ConfigError(f"TextArenaGame: {self.id}: {why}") from error

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Begin with the task's seed."""
        start = derive_seed("textarena", state_seed(task)) % 2**31
        with OwnRandom(start).lent():
            self._world = self._make()
            self._world.reset(num_players=1, seed=start)
            told = self._tell()
        self._random = OwnRandom(seed)
        return told, {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Say something to the game."""
        assert self._random is not None
        with self._random.lent():
            done, info = self._world.step(action=action)
            if not done:
                return self._tell(), 0.0, False, False, numbers(info or {}) | {"success": 0.0}
            rewards, _ = self._world.close()
        reward = float((rewards or {}).get(0, 0.0))
        success = float(reward >= self.success_reward)
        return "The game is over.", reward, True, False, {"success": success}

    def sample(self, draw: random.Random) -> str:
        """One of the guesses."""
        return draw.choice(self.guesses)

    def _make(self) -> Any:
        return need("textarena", "textarena", "TextArenaGame").make(env_id=self.id)

    def _tell(self) -> str:
        _, seen = self._world.get_observation()
        if isinstance(seen, str):
            return seen
        # (sender, text, kind); what the player said comes back from sender 0 and is known
        return "\n".join(str(text) for sender, text, *_ in seen if sender != 0)
