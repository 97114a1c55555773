"""Tasks of reasoning-gym's generators, scored by reasoning-gym itself, with further tries."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guerdon.envs.adapters.extras import need
from guerdon.envs.game import state_seed
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed


@dataclass(kw_only=True)
class ReasoningGymGame:
    """One generated question: its score, 0 to 1, is the reward; a score of 1 ends the episode.

    Args:
        dataset: the generator's name, such as ``countdown`` or ``mini_sudoku``.
        config: its settings, without ``seed`` and ``size``.
        tries: answers that may be given; each is a turn.
    """

    dataset: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 1
    instruction: str = field(default="Answer the question.", init=False, repr=False)
    _made: Any = field(default=None, init=False, repr=False)
    _entry: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _tried: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self._make(0)
        except (ValueError, TypeError, AssertionError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"ReasoningGymGame: dataset {self.dataset!r}: {error}") from error

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Ask."""
        self._made = self._make(derive_seed("reasoning_gym", state_seed(task)) % 2**31)
        self._entry, self._tried = self._made[0], 0
        return str(self._entry["question"]), {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Score an answer."""
        self._tried += 1
        score = float(self._made.score_answer(answer=action, entry=self._entry))
        won = score >= 1.0
        told = "Right." if won else "That is not right. Try again."
        return told, score, won, not won and self._tried >= self.tries, {"success": float(won)}

    def anchor(self) -> str:
        """The question and how often was tried."""
        return f"{self._entry['question']} {self._tried}"

    def oracle(self) -> str:
        """The answer that came with the question."""
        return str(self._entry["answer"])

    def sample(self, draw: random.Random) -> str:
        """A number."""
        return str(draw.randrange(100))

    def _make(self, seed: int) -> Any:
        module = need("reasoning_gym", "reasoning-gym", "ReasoningGymGame")
        return module.create_dataset(self.dataset, size=1, seed=seed, **self.config)
