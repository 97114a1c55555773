"""Two-armed bandits whose arms have telling names: one pays little and surely, one much and rarely.

The risky arm is the better one on average. Which is which has to be inferred from the names, unless
they are reversed; then from experience only.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from guerdon.errors import ConfigError, EnvError
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Task

PAIRS = (
    ("Librarian", "Stuntman"),
    ("Savings", "Lottery"),
    ("Turtle", "Falcon"),
    ("Clerk", "Gambler"),
    ("Harbour", "Storm"),
    ("Baker", "Treasure-hunter"),
    ("Pension", "Startup"),
    ("Bus", "Rocket"),
    ("Anchor", "Comet"),
    ("Gardener", "Astronaut"),
    ("Porridge", "Chilli"),
    ("Walker", "Racer"),
)
"""(safe, risky)."""


@dataclass(kw_only=True)
class BanditGame:
    """One pull of an arm of ``task.info["arms"]``: two names, the risky one in ``info["risky"]``.

    Success is to pull the arm with the higher expected reward, whatever chance then pays.

    Args:
        safe_reward: what the safe arm pays, always.
        risky_reward: what the risky arm pays with chance ``risky_chance``, else 0.
        risky_chance: see there.
        pulls: of an episode; each is a turn.
    """

    safe_reward: float = 0.1
    risky_reward: float = 1.0
    risky_chance: float = 0.25
    pulls: int = 1
    instruction: str = field(default="", init=False)
    actions: Sequence[str] = field(default=(), init=False)
    _risky: str = field(default="", init=False, repr=False)
    _left: int = field(default=0, init=False, repr=False)
    _draw: random.Random = field(default_factory=random.Random, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.risky_chance <= 1 or self.pulls < 1:
            raise ConfigError("BanditGame: risky_chance must lie in 0..1 and pulls be at least 1")
        if self.risky_chance * self.risky_reward <= self.safe_reward:
            raise ConfigError(
                f"BanditGame: the risky arm must be the better one on average, but pays "
                f"{self.risky_chance * self.risky_reward:g} to the safe arm's {self.safe_reward:g}"
            )
        every = f"{self.pulls} times" if self.pulls > 1 else "once"
        self.instruction = (
            f"You choose between two arms, {every}. One pays a little every time, the other pays "
            f"much but seldom, and more on average. Their names tell which is which. Earn as much "
            f"as you can on average."
        )

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Offer the two arms."""
        arms = task.info.get("arms")
        if not arms or task.info.get("risky") not in arms:
            raise EnvError(f"task {task.id!r} needs info['arms'] and one of them in info['risky']")
        self.actions, self._risky = tuple(arms), task.info["risky"]
        self._left, self._draw = self.pulls, random.Random(seed)
        return f"Arms: {' and '.join(self.actions)}.", {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Pull an arm."""
        self._left -= 1
        is_risky = action == self._risky
        reward = self.safe_reward
        if is_risky:
            reward = self.risky_reward if self._draw.random() < self.risky_chance else 0.0
        over = self._left == 0
        return (
            f"{action} pays {reward:g}.",
            reward,
            over,
            False,
            {"success": float(is_risky & over)},
        )

    def anchor(self) -> str:
        """The arms and the pulls left."""
        return f"{'|'.join(self.actions)} {self._risky} {self._left}"

    def oracle(self) -> str:
        """The arm that pays more on average."""
        return self._risky

    def sample(self, draw: random.Random) -> str:
        """Either arm."""
        return draw.choice(self.actions)


@dataclass(frozen=True, kw_only=True)
class BanditTasks:
    """Pairs of arms, in both orders.

    Args:
        reversed_names: the arm with the careful name is the risky one.
        split_by: hold out ``pairs`` of names never trained on, or one ``order`` of each pair.
        num_held_out_pairs: with ``pairs``.
        prompt: what to tell the player first.
    """

    reversed_names: bool = False
    split_by: Literal["pair", "order"] = "pair"
    num_held_out_pairs: int = 4
    prompt: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.num_held_out_pairs < len(PAIRS):
            raise ConfigError(
                f"BanditTasks: num_held_out_pairs must lie in 1..{len(PAIRS) - 1}, not "
                f"{self.num_held_out_pairs}"
            )

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Make the tasks."""
        tasks = list(self._all())
        if self.split_by == "pair":
            last = 2 * self.num_held_out_pairs
            return TaskSets(train=tuple(tasks[:-last]), held_out=tuple(tasks[-last:]))
        # neighbours hold out different orders, so that neither place is the better one
        held = {4 * number + at for number in range(len(PAIRS) // 2) for at in (0, 3)}
        train = tuple(task for number, task in enumerate(tasks) if number not in held)
        return TaskSets(train=train, held_out=tuple(tasks[number] for number in sorted(held)))

    def _all(self) -> Iterator[Task]:
        domain = "bandit_reversed" if self.reversed_names else "bandit"
        for pair in PAIRS:
            for arms in (pair, pair[::-1]):
                yield Task(
                    id=f"{domain}/{'-'.join(arms)}",
                    prompt=({"role": "user", "content": self.prompt},) if self.prompt else (),
                    domain=domain,
                    info={"arms": list(arms), "risky": pair[not self.reversed_names]},
                )
