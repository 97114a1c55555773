"""Exact match and F1 as the data sets' own scorers have them."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.qa import QA
from guerdon.types import Reward, Task


def score(reward: QA, answer: str | None, response: str, **info: object) -> Reward:
    return asyncio.run(reward(Task("t", (), answer=answer, info=info), response, {}))


@pytest.mark.parametrize(
    ("gold", "said", "em", "f1"),
    [
        ("The Eiffel Tower", "eiffel tower!", 1, 1),
        ("Paris", "Paris, France", 0, 2 / 3),
        ("a cat sat", "the cat", 0, 2 / 3),  # cat sat | cat
        ("to be or to be", "to be", 0, 4 / 7),  # words with their counts
        ("London", "Paris", 0, 0),
        ("yes", "yes it is", 0, 1 / 2),
    ],
)
def test_squad_ignores_case_articles_and_punctuation(gold, said, em, f1) -> None:
    found = score(QA(), gold, said)
    assert found.parts["em"] == em
    assert found.value == found.parts["f1"] == pytest.approx(f1)


def test_hotpotqa_gives_nothing_for_a_yes_among_other_words() -> None:
    assert score(QA(style="hotpotqa"), "yes", "yes it is").value == 0
    assert score(QA(style="hotpotqa"), "yes", "Yes.").value == 1
    assert score(QA(style="hotpotqa"), "the yes men", "yes").value == 0
    assert score(QA(style="hotpotqa"), "Paris", "Paris, France").value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("gold", "said", "em", "f1"),
    [
        ("20", "20.0", 1, 1),
        ("20", "20 yards", 0, 0.67),
        ("20 yards", "yards", 0, 0),  # the number is missing
        ("22-yard", "22 yard", 1, 1),
        (".15", "0.15", 1, 1),
        ("Fourteen", "14", 0, 0),
        ("the Jets", "Jets", 1, 1),
        ("40,000", "40000", 1, 1),  # punctuation goes first where float() does not read it
    ],
)
def test_drop_compares_numbers_as_numbers(gold, said, em, f1) -> None:
    found = score(QA(style="drop"), gold, said)
    assert (found.parts["em"], found.value) == (em, f1)


def test_drop_matches_several_spans_one_to_one() -> None:
    spans = [["David Akers", "John Kasay"]]
    reward = QA(style="drop")
    assert score(reward, None, "John Kasay and David Akers", answers=spans).value == 1
    assert score(reward, None, "John Kasay, David Akers", answers=spans).parts["em"] == 1
    assert score(reward, None, "David Akers", answers=spans).value == 0.5
    assert score(reward, None, "Akers and Kasay", answers=spans).value == 0.67
    # a span said twice is paired once
    assert score(reward, None, "David Akers and David Akers", answers=spans).value == 0.5


def test_the_best_of_several_references_counts() -> None:
    alternatives = "Hernán Peraza The Elder|Hernán Peraza"
    assert score(QA(separator="|"), alternatives, "Hernán Peraza").value == 1
    assert score(QA(), alternatives, "Hernán Peraza").parts["em"] == 0
    assert score(QA(), None, "Sarah", answers=["Abraham", "Sarah"]).value == 1
    assert score(QA(), '["Abraham", "Sarah"]', "Sarah").value == 1


def test_a_question_without_an_answer_is_answered_by_saying_so() -> None:
    assert score(QA(), None, "No answer.", is_impossible=True).value == 1
    assert score(QA(), None, "", is_impossible=True).value == 1
    assert score(QA(), None, "Paris", is_impossible=True).value == 0
    assert score(QA(), None, "unanswerable", answers=[]).value == 1
    assert score(QA(), "", "unanswerable").value == 1
    assert score(QA(), "Paris", "unanswerable").value == 0


def test_a_task_without_a_reference_is_an_error_not_a_zero() -> None:
    with pytest.raises(RewardError, match="'t' has no reference answer"):
        score(QA(), None, "x")
    with pytest.raises(RewardError, match="reference"):
        score(QA(), None, "x", answers=[3])


def test_the_value_is_the_metric_asked_for_and_the_others_are_parts() -> None:
    said = "The answer must be Paris, in France."
    assert score(QA(metric="contains"), "Paris", said).value == 1
    assert score(QA(metric="em"), "Paris", said).value == 0
    assert score(QA(metric="contains"), "Par", said).value == 0  # whole words
    assert set(score(QA(), "Paris", said).parts) == {"em", "f1", "contains"}


def test_only_the_stated_answer_is_compared_if_asked() -> None:
    reward = QA(find="answer", metric="em")
    assert score(reward, "Paris", "France's capital. Answer: Paris").value == 1
    assert score(reward, "Paris", r"so \boxed{Paris}").value == 1
    assert score(reward, "Paris", "Paris").value == 0


def test_the_first_reference_is_a_right_answer() -> None:
    for reward, answer, info in (
        (QA(), "Paris", {}),
        (QA(separator="|"), "Paris|Paname", {}),
        (QA(find="answer"), "Paris", {}),
        (QA(style="drop"), None, {"answers": [["David Akers", "John Kasay"]]}),
        (QA(), None, {"is_impossible": True}),
    ):
        written = reward.gold_response(Task("t", (), answer=answer, info=info))
        assert score(reward, answer, written, **info).value == 1


def test_an_empty_separator_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="separator"):
        QA(separator="")


@given(st.text(alphabet="ab 1-,.;the\n", max_size=60), st.text(alphabet="ab 1-the", min_size=1))
def test_every_metric_lies_between_0_and_1_and_a_reference_earns_1(said, gold) -> None:
    for style in ("squad", "hotpotqa", "drop"):
        found = score(QA(style=style), gold, said)
        assert all(0 <= value <= 1 for value in found.parts.values())
        assert found.parts["f1"] >= found.parts["em"] or style == "drop"
        if gold.strip():
            assert score(QA(style=style), gold, gold).parts["em"] == 1
