"""Which option a response chooses."""

import asyncio

import pytest

from guerdon.errors import RewardError
from guerdon.rewards.choice import MultipleChoice
from guerdon.types import Task

CITIES = ["Rome", "Paris", "Oslo", "Paris, Texas"]


def score(answer: str | None, response: str, choices: object = CITIES) -> float:
    task = Task("t", (), answer=answer, info={} if choices is None else {"choices": choices})
    return asyncio.run(MultipleChoice()(task, response, {})).value


@pytest.mark.parametrize(
    "response",
    [
        "B",
        "(b)",
        "B.",
        "B. Paris",
        "Paris",
        " paris. ",
        r"so \boxed{B}",
        r"\boxed{\text{(B)}}",
        r"\boxed{Paris}",
        "Rome is no capital of France. Answer: B",
        "**Answer:** B) Paris",
        "I would say option B, as it is the capital.",
        "Not A. The correct choice is B",
        "A? No. Answer: A. Wait.\nAnswer: B",
    ],
)
def test_a_letter_or_the_text_of_an_option_is_a_choice(response: str) -> None:
    assert score("B", response) == 1
    assert score("Paris", response) == 1
    assert score("C", response) == 0


@pytest.mark.parametrize(
    "response", ["", "E", r"\boxed{E}", "B. Rome", "Answer: none of them", "B or C", "I like it"]
)
def test_no_choice_or_an_unknown_one_is_wrong(response: str) -> None:
    assert score("B", response) == 0


def test_several_options_are_a_set() -> None:
    assert score("A, C", "Answer: C and A") == 1
    assert score("AC", r"\boxed{A,C}") == 1
    assert score("AC", "A") == 0
    assert score("A", "A, C") == 0


def test_options_come_in_the_forms_of_data_sets() -> None:
    arc = {"text": ["Rome", "Paris"], "label": ["1", "2"]}
    assert score("2", "Paris", arc) == 1
    assert score("2", "2", arc) == 1
    assert score("B", "paris", {"a": "Rome", "b": "Paris"}) == 1
    assert score("B", "Answer: (B)", None) == 1


@pytest.mark.parametrize("answer", [None, "", "London", "E"])
def test_a_reference_that_names_no_option_is_an_error(answer: str | None) -> None:
    with pytest.raises(RewardError, match="is no letter or text of an option"):
        score(answer, "A")
