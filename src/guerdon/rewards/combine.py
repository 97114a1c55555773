"""Rewards made of rewards: ``Weighted``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guerdon.errors import ConfigError, RewardError, RolloutError
from guerdon.types import Models, Reward, RewardFn, Task


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """sum_i w_i r_i over named parts, which are computed at the same time.

    A part that fails fails the whole, unless it is declared optional. Then the parts that are left
    are scaled up to the full weight: value = (sum_i w_i r_i over what is left) * (sum of all w) /
    (sum of w of what is left), and the note names what is missing. ``Reward.parts`` holds each
    part's unweighted value, and a part's own parts as ``name/part``.

    Args:
        parts: reward functions by name.
        weights: by the same names; negative for a penalty.
        optional: names of parts the whole can do without. All weights must then be above 0, for
            otherwise there is no full weight to scale to.
    """

    parts: Mapping[str, RewardFn]
    weights: Mapping[str, float]
    optional: Sequence[str] = ()

    def __post_init__(self) -> None:
        problems = []
        if not self.parts:
            problems.append("Weighted: parts is empty; name at least one reward")
        if different := set(self.parts) ^ set(self.weights):
            problems.append(f"Weighted: parts and weights differ in {sorted(different)}")
        if unknown := set(self.optional) - set(self.parts):
            problems.append(f"Weighted: optional names no part: {sorted(unknown)}")
        if self.optional and any(weight <= 0 for weight in self.weights.values()):
            problems.append("Weighted: with optional parts every weight must be above 0")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response by every part.

        Raises:
            RewardError: a required part failed, or every part did.
        """
        try:
            async with asyncio.TaskGroup() as together:  # a failed part cancels the others
                running = {
                    name: together.create_task(self._part(name, task, response, models))
                    for name in self.parts
                }
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures.exceptions[0].__cause__
        outcomes = {name: part.result() for name, part in running.items()}
        rewards = {name: got for name, got in outcomes.items() if isinstance(got, Reward)}
        missing = {name: got for name, got in outcomes.items() if isinstance(got, RewardError)}
        if not rewards:
            raise next(iter(missing.values()))
        return self._combine(rewards, missing)

    async def _part(
        self, name: str, task: Task, response: str, models: Models
    ) -> Reward | RewardError:
        try:
            return await self.parts[name](task, response, models)
        except RolloutError as error:
            failure = RewardError(f"reward part {name!r} failed: {error}")
            failure.__cause__ = error
            if name in self.optional:
                return failure
            raise failure from error

    def _combine(self, rewards: Mapping[str, Reward], missing: Mapping[str, RewardError]) -> Reward:
        value = sum(self.weights[name] * reward.value for name, reward in rewards.items())
        if missing:
            value *= sum(self.weights.values()) / sum(self.weights[name] for name in rewards)
        parts = {name: reward.value for name, reward in rewards.items()}
        for name, reward in rewards.items():
            parts |= {f"{name}/{inner}": worth for inner, worth in reward.parts.items()}
        notes = [f"{name}: {reward.note}" for name, reward in rewards.items() if reward.note]
        return Reward(float(value), parts, "\n".join([*notes, *map(str, missing.values())]))
