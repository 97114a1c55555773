"""Scores of a reward model as rewards."""

import asyncio
from collections.abc import Sequence

import pytest

from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.reward_model import RewardModel
from guerdon.types import Message, Model, Reward, Task

TASK = Task("t", ({"role": "system", "content": "s"}, {"role": "user", "content": "hi"}))


class Scorer(ScriptedEngine):
    """An engine with the capability; remembers what it scored."""

    def __init__(self, value: float) -> None:
        super().__init__([])
        self.value, self.seen = value, ()

    async def score(self, messages: Sequence[Message]) -> float:
        self.seen = tuple(messages)
        return self.value


def score(value: float, **options) -> tuple[Reward, Scorer]:
    engine = Scorer(value)
    models = {"reward_model": Model(engine)}
    return asyncio.run(RewardModel(**options)(TASK, "hello", models)), engine


def test_prompt_and_response_are_scored_as_one_conversation() -> None:
    found, engine = score(2.5)
    assert engine.seen == (*TASK.prompt, {"role": "assistant", "content": "hello"})
    assert (found.value, found.parts) == (2.5, {"score": 2.5})


def test_a_score_is_scaled_shifted_and_kept_within_bounds() -> None:
    assert score(2.0, scale=0.5, shift=-0.25)[0].value == 0.75
    assert score(9.0, high=3.0)[0].value == 3
    assert score(-9.0, low=-1.0, high=3.0)[0].value == -1
    assert score(-9.0, low=-1.0, high=3.0)[0].parts["score"] == -9
    with pytest.raises(ConfigError, match="low, 1"):
        RewardModel(low=1.0, high=1.0)


def test_a_score_that_is_no_number_is_an_error() -> None:
    with pytest.raises(RewardError, match="score is nan"):
        score(float("nan"))


def test_an_engine_that_cannot_score_is_a_mistake_of_the_configuration() -> None:
    models = {"reward_model": Model(ScriptedEngine(["x"]))}
    with pytest.raises(ConfigError, match="ScriptedEngine cannot score; use guerdon"):
        asyncio.run(RewardModel()(TASK, "hello", models))
