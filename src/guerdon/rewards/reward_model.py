"""RewardModel: the score a trained reward model gives to the conversation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from guerdon.errors import ConfigError, RewardError
from guerdon.types import Message, Models, Reward, Task


@runtime_checkable
class Scores(Protocol):
    """The capability of an engine to give a conversation a number."""

    async def score(self, messages: Sequence[Message]) -> float:
        """What the conversation is worth."""
        ...


@dataclass(frozen=True, kw_only=True)
class RewardModel:
    """scale * s + shift, where s is the model's score of prompt and response, within bounds.

    ``Reward.parts["score"]`` is s.

    Args:
        model: which of `models`; its engine must score (``engines.classifier.ClassifierEngine``).
        scale, shift: to bring scores to the size of other rewards.
        low, high: bounds of the value; None: none.
    """

    model: str = "reward_model"
    scale: float = 1.0
    shift: float = 0.0
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ConfigError(f"RewardModel: low, {self.low}, must be below high, {self.high}")

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response.

        Raises:
            ConfigError: the model's engine cannot score.
            EngineError: the model failed.
            RewardError: the score is no finite number.
        """
        engine = models[self.model].engine
        if not isinstance(engine, Scores):
            raise ConfigError(
                f"models.{self.model}.engine: {type(engine).__name__} cannot score; use "
                f"guerdon.engines.classifier.ClassifierEngine"
            )
        score = await engine.score((*task.prompt, {"role": "assistant", "content": response}))
        if not math.isfinite(score):
            raise RewardError(f"task {task.id!r}: the reward model's score is {score}")
        value = self.scale * score + self.shift
        value = value if self.low is None else max(self.low, value)
        value = value if self.high is None else min(self.high, value)
        return Reward(value, {"score": score})
