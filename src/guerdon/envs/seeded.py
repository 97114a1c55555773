"""GameTasks: tasks for any game that makes its world from a seed.

Training, validation and test seeds are disjoint by construction: they leave different remainders
when divided by three. Seeds alone do not make worlds different, so worlds are compared as well.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.envs.game import Game, offers
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Task

Split = Literal["train", "val", "test"]

REMAINDER: dict[Split, int] = {"train": 0, "val": 1, "test": 2}
"""Of every seed of a split, divided by three."""
SEEDS_APART = 10**9
"""State seeds of one ``seed`` before those of the next begin."""
MAX_REPEATS = 1000
"""Worlds in a row that are no new ones before there are taken to be no more."""


@dataclass(frozen=True, kw_only=True)
class GameTasks:
    """Worlds of a game, each with a state seed of its own in ``task.info["seed"]``.

    Held-out worlds are the same for any ``num_train``, and no training world looks like one of
    them, of either held-out split.

    Args:
        game: makes a world from `state_seed`.
        domain: the tasks' domain; groups metrics and routes mixtures.
        num_train: training worlds.
        num_held_out: held-out worlds, of each split.
        held_out: which of the two held-out splits to evaluate on.
        distinct: leave out worlds that look like an earlier one, by ``anchor()`` or else the first
            observation. False: for games whose worlds hardly ever repeat and take long to make.
        seed: others give other worlds.
        prompt: what to tell the player before the first observation.
    """

    game: Game
    domain: str
    num_train: int = 1000
    num_held_out: int = 200
    held_out: Literal["val", "test"] = "val"
    distinct: bool = True
    seed: int = 0
    prompt: str = ""

    def __post_init__(self) -> None:
        problems = [
            f"GameTasks: {name} must be at least {least}, not {getattr(self, name)}"
            for name, least in {"num_train": 1, "num_held_out": 0, "seed": 0}.items()
            if getattr(self, name) < least
        ]
        if self.distinct and inspect.iscoroutinefunction(self.game.reset):
            problems.append("GameTasks: an async game cannot be looked at here; distinct=false")
        if problems:
            raise ConfigError(problems)

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Make the tasks.

        Raises:
            ConfigError: there are not so many different worlds to be found.
        """
        game, seen = copy.deepcopy(self.game), set[str]()
        held_out = self._draw("val", self.num_held_out, game, seen)
        test = self._draw("test", self.num_held_out, game, seen)
        train = self._draw("train", self.num_train, game, seen)
        chosen = held_out if self.held_out == "val" else test
        return TaskSets(train=tuple(train), held_out=tuple(chosen))

    def _draw(self, split: Split, wanted: int, game: Any, seen: set[str]) -> list[Task]:
        found: list[Task] = []
        repeats = 0
        for number in self._seeds(split):
            if len(found) == wanted:
                break
            task = self._task(number)
            look = _look(game, task) if self.distinct else task.id
            if look not in seen:
                seen.add(look)
                found.append(task)
                repeats = 0
            elif (repeats := repeats + 1) == MAX_REPEATS:
                raise ConfigError(
                    f"GameTasks: {self.domain} has only {len(seen)} different worlds, but "
                    f"num_train + 2 num_held_out is {self.num_train + 2 * self.num_held_out} (the "
                    f"splits val and test are set apart): ask for fewer, or a larger game"
                )
        return found

    def _seeds(self, split: Split) -> Iterator[int]:
        first = self.seed * SEEDS_APART
        return (3 * number + REMAINDER[split] for number in range(first, first + SEEDS_APART))

    def _task(self, seed: int) -> Task:
        return Task(
            id=f"{self.domain}/{seed}",
            prompt=({"role": "user", "content": self.prompt},) if self.prompt else (),
            domain=self.domain,
            info={"seed": seed},
        )


def _look(game: Any, task: Task) -> str:
    observation, _ = game.reset(task, 0)
    return str(game.anchor()) if offers(game, "anchor") else str(observation)
