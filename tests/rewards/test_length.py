"""What length is worth."""

import asyncio
from pathlib import Path

import pytest

from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.length import Length, Overlong
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.types import Model, RewardFn, Task


def score(reward: RewardFn, response: str, models=None) -> float:
    return asyncio.run(reward(Task("t", ()), response, models or {})).value


@pytest.mark.parametrize(("words", "worth"), [(0, 0), (1, 0.5), (2, 1), (4, 1), (5, 0.5), (9, 0)])
def test_length_is_1_inside_and_falls_over_the_margin(words: int, worth: float) -> None:
    reward = Length(low=2, high=4, margin=2, unit="words")
    assert score(reward, "w " * words) == worth


def test_without_a_margin_length_is_1_or_0() -> None:
    assert score(Length(high=3, unit="characters"), "abc") == 1
    assert score(Length(high=3, unit="characters"), "abcd") == 0


@pytest.mark.parametrize(
    ("length", "worth"), [(0, 0), (60, 0), (70, -0.25), (80, -0.5), (100, -1), (500, -1)]
)
def test_overlong_takes_off_over_the_buffer_before_the_limit(length: int, worth: float) -> None:
    reward = Overlong(limit=100, buffer=40, unit="characters")
    assert score(reward, "x" * length) == pytest.approx(worth)
    assert score(Overlong(limit=100, buffer=40, penalty=2.0, unit="characters"), "x" * 100) == -2


def test_tokens_are_the_policys_or_those_of_a_declared_tokenizer(tmp_path: Path) -> None:
    tiny = TinyPolicy(words=["hello"])
    models = {"policy": Model(ScriptedEngine([], ChatTemplate(tiny.tokenizer())))}
    assert score(Length(high=2), "hello hello", models) == 1
    assert score(Length(high=1), "hello hello", models) == 0
    tiny.tokenizer().save_pretrained(tmp_path)
    assert score(Length(high=2, tokenizer=str(tmp_path)), "hello hello") == 1
    assert score(Length(high=2, tokenizer=str(tmp_path)), "other words") == 0
    with pytest.raises(RewardError, match="set tokenizer or unit: words"):
        score(Length(high=1), "hello")


def test_a_tokenizer_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read .*tokenizer\.json"):
        score(Length(high=1, tokenizer=str(tmp_path)), "x")


def test_bounds_that_make_no_sense_are_refused() -> None:
    for wrong in ({}, {"low": 3, "high": 2}, {"high": 1, "margin": -1}):
        with pytest.raises(ConfigError):
            Length(**wrong)
    for wrong in ({"limit": 4, "buffer": 5}, {"limit": 4, "buffer": 2, "penalty": 0.0}):
        with pytest.raises(ConfigError):
            Overlong(**wrong)
