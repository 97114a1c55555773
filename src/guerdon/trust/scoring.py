"""Score labelled responses by any reward: the verdict it would have given, beside the label."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from guerdon.data.labelled import Labelled
from guerdon.errors import ConfigError, RewardError, RolloutError
from guerdon.trust.agreement import Pair
from guerdon.trust.wrapped import reseeded
from guerdon.types import Models, Reward, RewardFn, Task

Scored = Reward | RolloutError
"""A reward, or why there is none."""


@runtime_checkable
class Compared(Protocol):
    """Which of two responses is better ("1", "2" or "tie"), asked in one order or in both.

    Verdicts name the first response "1" in whatever order the two were shown.
    """

    @property
    def winner(self) -> str:
        """The verdict on both orders."""
        ...

    @property
    def in_order(self) -> str:
        """The verdict with the first response shown first."""
        ...

    @property
    def swapped(self) -> str | None:
        """The verdict with the second one shown first; None: not asked."""
        ...


@runtime_checkable
class Compares(Protocol):
    """A judge of two responses at a time."""

    async def compare(self, task: Task, first: str, second: str, models: Models) -> Compared:
        """Compare two responses to a task; raises ``RewardError`` when there is no verdict."""
        ...


Measured = RewardFn | Compares
"""What can be measured: a reward of one response, or a judge of two."""


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled example, and what the reward said of it."""

    labelled: Labelled
    rewards: tuple[Reward, ...] = ()
    """One for each response; () if they were compared, or one of them has none."""
    compared: Compared | None = None
    error: RolloutError | None = None
    """Why there is no verdict."""

    def pair(self, right_at: float = 1.0, tie_within: float = 0.0) -> Pair | None:
        """The verdict beside the label; None: there is none.

        One response is right from ``right_at`` on. Of two, the better paid is better, and rewards
        at most ``tie_within`` apart are a tie.
        """
        if self.error is not None:
            return None
        if self.compared is not None:
            verdict = self.compared.winner
        elif len(self.rewards) == 1:
            verdict = "1" if self.rewards[0].value >= right_at else "0"
        else:
            first, second = (reward.value for reward in self.rewards)
            better = "1" if first > second else "2"
            verdict = "tie" if abs(first - second) <= tie_within else better
        return Pair(self.labelled.task.id, self.labelled.label, verdict)


async def score(
    reward: RewardFn, task: Task, response: str, models: Models, *key: object
) -> Scored:
    """One reward, or the error it raised instead; models sample with seeds of ``key``."""
    seeded = {name: model.at(*key, task.id) for name, model in models.items()}
    try:
        found = await reward(task, response, seeded)
    except RolloutError as error:
        return error
    if not math.isfinite(found.value):
        return RewardError(f"task {task.id!r}: the reward is {found.value}, not a number")
    return found


async def score_all(
    reward: Measured,
    labelled: Sequence[Labelled],
    models: Models,
    *,
    max_concurrent: int = 64,
    key: tuple[object, ...] = (),
) -> list[Case]:
    """Score every example, at most ``max_concurrent`` at once, in the order they came.

    Raises:
        ConfigError: the reward compares two responses, and an example has one.
    """
    gate = asyncio.Semaphore(max_concurrent)

    async def one(number: int, example: Labelled) -> Case:
        async with gate:
            return await _case(reward, example, models, *key, number)

    return await asyncio.gather(*(one(number, each) for number, each in enumerate(labelled)))


async def score_rounds(
    reward: Measured,
    labelled: Sequence[Labelled],
    models: Models,
    num_rounds: int,
    max_concurrent: int = 64,
) -> list[list[Case]]:
    """Score every example ``num_rounds`` times; from the second on, models get other seeds."""
    rounds = []
    for number in range(num_rounds):
        seeded = {n: reseeded(m, "round", number) if number else m for n, m in models.items()}
        rounds.append(await score_all(reward, labelled, seeded, max_concurrent=max_concurrent))
    return rounds


async def _case(reward: Measured, example: Labelled, models: Models, *key: object) -> Case:
    if isinstance(reward, Compares) and len(example.responses) == 2:
        seeded = {name: model.at(*key, example.task.id) for name, model in models.items()}
        first, second = example.responses
        try:
            return Case(example, compared=await reward.compare(example.task, first, second, seeded))
        except RolloutError as error:
            return Case(example, error=error)
    if not isinstance(reward, RewardFn):
        raise ConfigError(
            f"{type(reward).__name__} compares two responses, and task {example.task.id!r} has "
            f"{len(example.responses)}: measure it on comparisons, such as llmbar"
        )
    found: list[Reward] = []
    for place, response in enumerate(example.responses):
        scored: Any = await score(reward, example.task, response, models, *key, place)
        if isinstance(scored, RolloutError):
            return Case(example, error=scored)
        found.append(scored)
    return Case(example, tuple(found))


def pairs_of(cases: Sequence[Case], right_at: float = 1.0, tie_within: float = 0.0) -> list[Pair]:
    """Verdicts and labels of the cases that have one.

    Raises:
        RewardError: none has; names the first cause.
    """
    pairs = [pair for case in cases if (pair := case.pair(right_at, tie_within)) is not None]
    if not pairs:
        cause = next((case.error for case in cases if case.error), "there are no responses")
        raise RewardError(f"none of {len(cases)} examples could be scored: {cause}")
    return pairs
