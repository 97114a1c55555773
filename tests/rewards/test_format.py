"""The form of a response, whatever it says."""

import asyncio

import pytest

from guerdon.errors import ConfigError
from guerdon.rewards.format import Format
from guerdon.types import Task


def score(reward: Format, response: str) -> float:
    return asyncio.run(reward(Task("t", ()), response, {})).value


@pytest.mark.parametrize(
    ("response", "worth"),
    [
        ("<think>a</think>\n<answer>b</answer>\n", 1),
        ("<think>a < b</think><answer>1</answer>", 1),
        ("<think>a</think>", 0),
        ("<answer>b</answer><think>a</think>", 0),
        ("<think> </think><answer>b</answer>", 0),
        ("so <think>a</think><answer>b</answer>", 0),
        ("<think>a</think><answer>b</answer> or so", 0),
        ("<think>a</think><answer>b</answer><answer>c</answer>", 0),
        ("<think>a<answer></think>b</answer>", 0),
        ("</think><think><answer>b</answer>", 0),
    ],
)
def test_tags_stand_once_in_order_and_hold_something(response: str, worth: float) -> None:
    assert score(Format(tags=["think", "answer"]), response) == worth


def test_an_answer_is_a_closed_box_or_a_lead_in() -> None:
    assert score(Format(answer=True), r"\boxed{5}") == 1
    assert score(Format(answer=True), r"\boxed{5") == 0
    assert score(Format(answer=True, absent=-0.5), "five") == -0.5


def test_a_pattern_matches_the_whole_response_over_lines() -> None:
    assert score(Format(pattern=r"Plan:.*Answer: \d+"), "Plan: add\nAnswer: 5") == 1
    assert score(Format(pattern=r"Plan:.*Answer: \d+"), "Plan: add\nAnswer: 5 or 6") == 0


def test_every_form_asked_for_must_be_there() -> None:
    both = Format(tags=["answer"], answer=True)
    assert score(both, r"<answer>\boxed{5}</answer>") == 1
    assert score(both, "<answer>5</answer>") == 0


def test_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match="asks for nothing"):
        Format()
    with pytest.raises(ConfigError) as caught:
        Format(tags=["<a>", "<a>"], pattern="(")
    assert len(caught.value.problems) == 3
