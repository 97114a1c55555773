"""Rewards made of rewards: ``Weighted``, ``Gate``, ``Tiered``, ``Median``; see ``cascade``, too.

A part that fails fails the whole, unless it is declared optional. ``Reward.parts`` holds each
part's own value, and a part's own parts as ``name/part``; ``metrics.jsonl`` has their means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from guerdon.errors import ConfigError, RewardError, RolloutError
from guerdon.types import Models, Reward, RewardFn, Task


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """sum_i w_i r_i over named parts, which are computed at the same time.

    When an optional part fails, the parts that are left are scaled up to the full weight: value =
    (sum_i w_i r_i over what is left) * (sum of all w) / (sum of w of what is left), and the note
    names what is missing.

    Args:
        parts: reward functions by name.
        weights: by the same names; negative for a penalty, 0 for a part that is only watched.
        optional: names of parts the whole can do without. All weights must then be above 0, for
            otherwise there is no full weight to scale to.
    """

    parts: Mapping[str, RewardFn]
    weights: Mapping[str, float]
    optional: Sequence[str] = ()

    def __post_init__(self) -> None:
        problems = _part_problems("Weighted", self.parts, self.optional)
        if different := set(self.parts) ^ set(self.weights):
            problems.append(f"Weighted: parts and weights differ in {sorted(different)}")
        if self.optional and any(weight <= 0 for weight in self.weights.values()):
            problems.append("Weighted: with optional parts every weight must be above 0")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response by every part.

        Raises:
            RewardError: a required part failed, or every part did.
        """
        rewards, missing = await _score_all(self.parts, self.optional, task, response, models)
        value = sum(self.weights[name] * reward.value for name, reward in rewards.items())
        if missing:
            value *= sum(self.weights.values()) / sum(self.weights[name] for name in rewards)
        return Reward(float(value), parts_of(rewards), _notes(rewards, missing))


@dataclass(frozen=True, kw_only=True)
class Gate:
    """``reward`` if ``condition`` is worth ``at_least``; else ``otherwise``, and it is not asked.

    Args:
        condition: a cheap reward, such as ``Format``.
        reward: what counts once it is met.
        at_least: what the condition must be worth.
        otherwise: the value where it is not met.
    """

    condition: RewardFn
    reward: RewardFn
    at_least: float = 1.0
    otherwise: float = 0.0

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response.

        Raises:
            RewardError: the condition, or the reward behind it, cannot be computed.
        """
        gate = await score_part("condition", self.condition, task, response, models)
        if gate.value < self.at_least:
            rewards = {"condition": gate}
            return Reward(self.otherwise, parts_of(rewards), _notes(rewards))
        reward = await score_part("reward", self.reward, task, response, models)
        rewards = {"condition": gate, "reward": reward}
        return Reward(reward.value, parts_of(rewards), _notes(rewards))


@dataclass(frozen=True, kw_only=True)
class Tiered:
    """What the highest tier a response reaches is worth; tiers are climbed one after the other.

    A tier is reached if its reward is at least ``at_least`` and all tiers before it are reached;
    those after the first that is not are not asked. ``Reward.parts["tier"]`` is their number.

    Args:
        tiers: reward functions by name, the first tier first.
        worth: by the same names; it must rise from tier to tier.
        at_least: what a tier's reward must be.
        nothing: the value of a response that reaches none.
    """

    tiers: Mapping[str, RewardFn]
    worth: Mapping[str, float]
    at_least: float = 1.0
    nothing: float = 0.0

    def __post_init__(self) -> None:
        problems = _part_problems("Tiered", self.tiers, (), what="tiers")
        if different := set(self.tiers) ^ set(self.worth):
            problems.append(f"Tiered: tiers and worth differ in {sorted(different)}")
        else:
            climb = [self.nothing, *(self.worth[name] for name in self.tiers)]
            if any(low >= high for low, high in pairwise(climb)):
                problems.append(f"Tiered: worth must rise from nothing on, got {climb}")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Climb as far as one response gets.

        Raises:
            RewardError: the reward of a tier that is tried cannot be computed.
        """
        value, num_reached = self.nothing, 0
        rewards: dict[str, Reward] = {}
        for name, tier in self.tiers.items():
            rewards[name] = await score_part(name, tier, task, response, models)
            if rewards[name].value < self.at_least:
                break
            value, num_reached = self.worth[name], num_reached + 1
        return Reward(value, {"tier": float(num_reached), **parts_of(rewards)}, _notes(rewards))


@dataclass(frozen=True, kw_only=True)
class Median:
    """The median of several opinions, which are asked at the same time.

    ``Reward.parts["spread"]`` is the largest less the smallest: how much they disagree.

    Args:
        parts: reward functions by name.
        optional: names of parts that may fail.
        quorum: how many must not fail; None: more than half of all.
    """

    parts: Mapping[str, RewardFn]
    optional: Sequence[str] = ()
    quorum: int | None = None

    def __post_init__(self) -> None:
        problems = _part_problems("Median", self.parts, self.optional)
        if self.quorum is not None and not 1 <= self.quorum <= len(self.parts):
            problems.append(
                f"Median: quorum must be from 1 to the number of parts, {len(self.parts)}; got "
                f"{self.quorum}"
            )
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response by every part.

        Raises:
            RewardError: a required part failed, or fewer than ``quorum`` are left.
        """
        rewards, missing = await _score_all(self.parts, self.optional, task, response, models)
        quorum = len(self.parts) // 2 + 1 if self.quorum is None else self.quorum
        if len(rewards) < quorum:
            first = next(iter(missing.values()))
            raise RewardError(f"{len(rewards)} of {quorum} opinions: {first}") from first
        values = [reward.value for reward in rewards.values()]
        parts = {"spread": max(values) - min(values), **parts_of(rewards)}
        return Reward(float(median(values)), parts, _notes(rewards, missing))


# --- parts ---------------------------------------------------------------------------------------


async def score_part(
    name: str, part: RewardFn, task: Task, response: str, models: Models
) -> Reward:
    """The reward of one part; its failure names it.

    Raises:
        RewardError: it failed, for whatever reason.
    """
    try:
        return await part(task, response, models)
    except RolloutError as error:
        raise RewardError(f"reward part {name!r} failed: {error}") from error


async def _score_all(
    parts: Mapping[str, RewardFn],
    optional: Sequence[str],
    task: Task,
    response: str,
    models: Models,
) -> tuple[dict[str, Reward], dict[str, RewardError]]:
    """Rewards of the parts, and the failures of optional ones; all are computed at once.

    Raises:
        RewardError: a required part failed (which cancels the others), or every part did.
    """

    async def score(name: str) -> Reward | RewardError:
        try:
            return await score_part(name, parts[name], task, response, models)
        except RewardError as error:
            if name in optional:
                return error
            raise

    try:
        async with asyncio.TaskGroup() as together:
            running = {name: together.create_task(score(name)) for name in parts}
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    outcomes = {name: part.result() for name, part in running.items()}
    rewards = {name: got for name, got in outcomes.items() if isinstance(got, Reward)}
    missing = {name: got for name, got in outcomes.items() if isinstance(got, RewardError)}
    if not rewards:
        raise next(iter(missing.values()))
    return rewards, missing


def parts_of(rewards: Mapping[str, Reward]) -> dict[str, float]:
    """Each part's value by its name, and its own parts as ``name/part``."""
    parts = {name: reward.value for name, reward in rewards.items()}
    for name, reward in rewards.items():
        parts |= {f"{name}/{inner}": worth for inner, worth in reward.parts.items()}
    return parts


def _notes(rewards: Mapping[str, Reward], missing: Mapping[str, RewardError] | None = None) -> str:
    notes = [f"{name}: {reward.note}" for name, reward in rewards.items() if reward.note]
    return "\n".join([*notes, *map(str, (missing or {}).values())])


def _part_problems(
    owner: str, parts: Mapping[str, RewardFn], optional: Sequence[str], what: str = "parts"
) -> list[str]:
    problems = []
    if not parts:
        problems.append(f"{owner}: {what} is empty; name at least one reward")
    if unknown := set(optional) - set(parts):
        problems.append(f"{owner}: optional names no part: {sorted(unknown)}")
    return problems
