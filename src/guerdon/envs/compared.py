"""Compared: a group of replies to one prompt, each worth what it is beside the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from guerdon.chat import Chat
from guerdon.envs.single_turn import opening
from guerdon.errors import ConfigError, RewardError
from guerdon.types import Episode, Models, Reward, Task


@runtime_checkable
class Ranks(Protocol):
    """Scores the responses of a group together (`rewards.ranking`)."""

    async def rank(self, task: Task, responses: Sequence[str], models: Models) -> list[Reward]:
        """A reward for each response, in their order.

        Raises:
            RewardError: one of them cannot be computed.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The policy answers the prompt ``size`` times; a ranking says what each answer was worth.

    An episode is a whole group, so ``trainer.group_size`` stays 1. If the ranking fails, so does
    the group. Greedy replies are all the same: evaluate with ``eval.sampling`` above temperature 0,
    or with another environment.

    Args:
        ranking: compares the replies, such as `rewards.ranking.Tournament`.
        size: replies to each prompt.
        system: a system message before the prompt; a task that has its own keeps its own.
    """

    ranking: Ranks
    size: int = 4
    system: str | None = None
    makes_groups = True

    def __post_init__(self) -> None:
        if self.size < 2:
            raise ConfigError(f"Compared: size must be at least 2, got {self.size}")

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one group.

        Raises:
            RewardError: the replies cannot be ranked.
            RolloutError: the policy or another model cannot answer.
        """
        policy = models["policy"]
        chats = [Chat(policy.at("member", i), group=task.id) for i in range(self.size)]
        prompt = opening(task, self.system)
        replies = await asyncio.gather(*(chat.send(*prompt) for chat in chats))
        rewards = await self.ranking.rank(task, replies, models)
        if len(rewards) != self.size:
            raise RewardError(f"task {task.id!r}: {len(rewards)} rewards for {self.size} replies")
        rows = tuple(chat.trajectory(reward) for chat, reward in zip(chats, rewards, strict=True))
        return Episode(task, rows)
