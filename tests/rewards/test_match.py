"""Exact match after normalising."""

import asyncio

import pytest

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.match import Match
from guerdon.types import Task


def score(reward: Match, answer: str | None, response: str) -> float:
    return asyncio.run(reward(Task("t", (), answer=answer), response, {})).value


@pytest.mark.parametrize(
    ("response", "worth"), [("Paris", 1), ("  paris \n", 1), ("Paris.", 0), ("", 0)]
)
def test_case_and_outer_space_are_ignored_and_nothing_else(response: str, worth: float) -> None:
    assert score(Match(), "Paris", response) == worth


def test_normalising_can_be_switched_off() -> None:
    assert score(Match(strip=False), "Paris", "Paris ") == 0
    assert score(Match(casefold=False), "Paris", "paris") == 0


def test_the_last_match_of_the_pattern_is_compared() -> None:
    reward = Match(pattern=r"<answer>(.*?)</answer>")
    assert score(reward, "B", "<answer>A</answer> no, <answer> b </answer>") == 1
    assert score(reward, "A", "<answer>A</answer> no, <answer> b </answer>") == 0


def test_a_pattern_without_a_group_compares_the_whole_match() -> None:
    assert score(Match(pattern=r"\d+"), "42", "between 41 and 42.") == 1


def test_a_response_without_the_pattern_is_wrong_and_says_so() -> None:
    reward = asyncio.run(Match(pattern=r"\d+")(Task("t", (), answer="4"), "four", {}))
    assert reward.value == 0 and "nothing matches" in reward.note


def test_the_stated_answer_is_compared_without_marks_of_formulas_if_asked() -> None:
    reward = Match(find="answer")
    assert score(reward, "Paris", r"so \boxed{$paris$}.") == 1
    assert score(reward, "Paris", "Answer: Paris.") == 1
    assert score(reward, "Paris", "Paris") == 0
    assert reward.gold_response(Task("t", (), answer="x")) == r"\boxed{x}"


def test_a_task_without_a_reference_is_an_error_not_a_zero() -> None:
    with pytest.raises(RewardError, match="'t' has no reference answer"):
        score(Match(), None, "x")


def test_a_pattern_that_does_not_compile_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="pattern"):
        Match(pattern="(")
