"""RandomPlay: games played with random valid actions, as conversations for the warm-up.

A policy that imitates them knows how to speak in the game, not how to win it; with ``skill`` it
learns some of that, too.
"""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from guerdon.envs.history import Past, Summary, Window
from guerdon.envs.players import Mechanical, Scene, check_can_play
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError, RolloutError
from guerdon.tasks import TaskSource
from guerdon.types import Message, Task, derive_seed

Conversation = tuple[Message, ...]


@dataclass(frozen=True, kw_only=True)
class RandomPlay:
    """Conversations of ``env`` on training tasks with a player that picks any action.

    Message by message they are what a policy would meet in ``env``: the same code plays. With a
    history that forgets, each turn is a conversation, as it is for the policy.

    Args:
        env: the environment; its game must have ``actions`` or ``sample``.
        tasks: its training tasks are played, never its held-out ones.
        num_conversations: how many; tasks come in random order, all of them before any again.
        seed: decides the tasks' order, the actions and the games' chances.
        skill: the chance that an action is the best one, by the game's ``oracle``.
    """

    env: StepEnv
    tasks: TaskSource
    num_conversations: int = 256
    seed: int = 0
    skill: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.skill <= 1:
            raise ConfigError(f"RandomPlay: skill must lie in 0..1, not {self.skill}")
        if self.skill < 1:
            check_can_play(self.env.game, "random")
        if self.skill > 0:
            check_can_play(self.env.game, "oracle")

    def load(self) -> list[Conversation]:
        """Play them all; works inside a running event loop too. Games that fail are left out.

        Raises:
            RolloutError: more failed than not; the first cause.
        """
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._play_all()).result()

    async def _play_all(self) -> list[Conversation]:
        train = self.tasks.load().train
        draw = random.Random(derive_seed(self.seed, "tasks"))
        order: list[Task] = []
        while len(order) < self.num_conversations:
            order += draw.sample(train, len(train))
        talks: list[Conversation] = []
        num_played, failures = 0, []
        for number, task in enumerate(order):
            if len(talks) >= self.num_conversations:
                break
            num_played += 1
            try:
                talks += await self._play(task, derive_seed(self.seed, number))
            except RolloutError as error:  # that game is left out, as in training
                failures.append(error)
        if len(failures) > num_played / 2:
            raise failures[0]
        return talks[: self.num_conversations]

    async def _play(self, task: Task, seed: int) -> list[Conversation]:
        """The conversations of one game."""
        player = Mechanical(
            form=self.env.form, draw=random.Random(seed), skill=self.skill, calls=self.env.calls
        )
        history, head = self.env.history, self.env.head(task)
        if not isinstance(history, Window | Summary):
            await self.env.play(task, seed, player)
            return [tuple(m for turn in player.turns for m in (*turn.observation, turn.action))]
        await self.env.play(task, seed, player, has_head=True)
        talks: list[Conversation] = []
        past: list[Past] = []
        for turn, actions in zip(player.turns, player.done, strict=True):
            prompt = history.prompt(head, past, Scene(None, turn.observation))
            talks.append((*prompt, turn.action))
            said = turn.action["content"]
            past.append(Past(turn.observation, said, reward=turn.reward, actions=actions))
        return talks
