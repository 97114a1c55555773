"""Game: a reset/step world in words, and what one may offer beyond that.

``StepEnv`` plays it; `check.check_env` says whether it keeps its promises.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from guerdon.errors import EnvError
from guerdon.types import Task

Info = Mapping[str, Any]
Step = tuple[str, float, bool, bool, Info]
"""Observation, reward, terminated, truncated, info: as in Gymnasium."""


@runtime_checkable
class Game(Protocol):
    """A reset/step game in words. Either method may be a coroutine.

    Numbers in the latest ``info`` become the episode's metrics. ``success`` (0 or 1) is the one
    that evaluation looks for, so give it from the start; ``effective`` (0 or 1) says whether the
    action changed anything, and its mean is kept.

    What a game may offer besides; all of it is optional:

    - ``actions``: the names of its actions. It is given one of these; without, any text.
    - ``read(text) -> str | None``: for games without ``actions``: the action that a text names, in
      the spelling that ``step`` takes, or None.
    - ``instruction`` and ``legend`` (symbol -> meaning): what a `Brief` tells the player.
    - ``tools() -> list``: function schemas, for ``action: tool_call``; see `tools`.
    - ``anchor() -> str``: the state: equal text, equal future (chance aside).
    - ``snapshot() -> Game``: a game that goes on from here on its own; default: a deep copy.
    - ``oracle() -> str | None``: the best action now.
    - ``sample(draw) -> str``: a random action, for games without ``actions``.
    - ``close()``: give back what the world holds.
    """

    def reset(self, task: Task, seed: int) -> Any:
        """Begin the task: ``(observation, info)``.

        What the world looks like at the start comes from ``task`` alone (`state_seed` where it is
        generated), so that a group plays the same game; ``seed`` is for what happens by chance on
        the way, and differs by member.
        """
        ...

    def step(self, action: str) -> Any:
        """Act: ``(observation, reward, terminated, truncated, info)``.

        Terminated: the game came to its own end, won or lost. Truncated: it was cut off.
        """
        ...


def state_seed(task: Task) -> int:
    """The seed of the task's world, shared by its group.

    Raises:
        EnvError: the task has none; `seeded.GameTasks` makes tasks that have.
    """
    seed = task.info.get("seed")
    if not isinstance(seed, int):
        raise EnvError(
            f"task {task.id!r} has no info['seed'], from which this game makes its world; use "
            f"guerdon.envs.seeded.GameTasks"
        )
    return seed


def offers(game: object, name: str) -> bool:
    """Whether a game has one of the optional methods."""
    return callable(getattr(game, name, None))


def actions_of(game: object) -> tuple[str, ...]:
    """The names of a game's actions; empty: any text is one."""
    return tuple(getattr(game, "actions", ()) or ())


def tools_of(game: Any) -> list[dict[str, Any]]:
    """The function schemas a game offers."""
    return list(game.tools()) if offers(game, "tools") else []


def snapshot_of(game: Any) -> Any:
    """A game that goes on from where this one is, on its own."""
    return game.snapshot() if offers(game, "snapshot") else copy.deepcopy(game)
