"""SingleTurn: one prompt, one reply, one reward."""

from __future__ import annotations

import math
from dataclasses import dataclass

from guerdon.chat import Chat
from guerdon.errors import RewardError
from guerdon.types import Episode, Message, Models, RewardFn, Task


@dataclass(frozen=True, kw_only=True)
class SingleTurn:
    """The policy answers the task's prompt once; the reward function says what that was worth.

    Every reply is scored, also one cut at its length limit (its trajectory is ``truncated``). A
    reward that cannot be computed fails the episode.

    Args:
        reward: scores the reply's text.
        system: a system message before the prompt; a task that has its own keeps its own.
        success_at: a reward from which the episode counts as a success, in evaluation and pass@k;
            None: success is not defined.
    """

    reward: RewardFn
    system: str | None = None
    success_at: float | None = 1.0

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode.

        Raises:
            RewardError: the reward cannot be computed, or is not a finite number.
            RolloutError: the policy or another model cannot answer.
        """
        chat = Chat(models["policy"], role="policy", group=task.id)
        reply = await chat.send(*opening(task, self.system))
        reward = await self.reward(task, reply, models)
        if not math.isfinite(reward.value):
            raise RewardError(f"task {task.id!r}: the reward is {reward.value}, not a number")
        metrics = {}
        if self.success_at is not None:
            metrics["success"] = float(reward.value >= self.success_at)
        return Episode(task, (chat.trajectory(reward),), metrics=metrics)


def opening(task: Task, system: str | None) -> tuple[Message, ...]:
    """The task's prompt, after ``system`` unless it has a system message of its own."""
    own = bool(task.prompt) and task.prompt[0]["role"] == "system"
    if system is None or own:
        return task.prompt
    return ({"role": "system", "content": system}, *task.prompt)
