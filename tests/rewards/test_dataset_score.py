import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.dataset_score import DatasetScore
from guerdon.rewards.math import Math
from guerdon.sandbox import Sandbox
from guerdon.types import Task


@pytest.fixture(scope="module")
def score() -> Iterator[DatasetScore]:
    made = DatasetScore(sandbox=Sandbox(), math=Math(num_workers=1, unreadable="text"))
    yield made
    made.math.close()
    assert made.sandbox is not None
    made.sandbox.close()


def value(score: DatasetScore, dataset: str, gold: str, said: str, **info: Any) -> float:
    task = Task("t", (), answer=gold, info={"dataset": dataset, **info})
    return asyncio.run(score(task, said, {})).value


@pytest.mark.parametrize(
    ("dataset", "gold", "said", "worth"),
    [
        ("gsm8k", "72", "It is 72.", 1),
        ("gsm8k", "72", "72, no, 71", 0),
        ("math", r"\frac{1}{2}", r"so \boxed{0.5}", 1),
        ("math", "82", "The answer is 82.", 0),  # the last sentence is no number
        ("math", "82", "82", 1),
        ("math", r"\text{Tuesday}", r"\boxed{\text{Monday}}", 0),
        ("math", r"\text{Tuesday}", r"\boxed{\text{Tuesday}}", 1),
        ("hotpotqa", "the Eiffel Tower", "Eiffel Tower, Paris", 0.8),
        ("drop", "5", "3|5", 1),
        ("drop", "5 yards|five", "Five!", 1),
    ],
)
def test_each_data_set_is_scored_by_its_own_formula(
    score: DatasetScore, dataset: str, gold: str, said: str, worth: float
) -> None:
    assert value(score, dataset, gold, said) == pytest.approx(worth)


def test_an_unanswerable_question_is_answered_by_saying_so(score: DatasetScore) -> None:
    info = {"answers": ["unanswerable"], "is_impossible": True}
    assert value(score, "squad", "unanswerable", "Unanswerable.", **info) == 1
    assert value(score, "squad", "unanswerable", "Paris", **info) == 0
    assert value(score, "squad", "Paris", "unanswerable", answers=["Paris"]) == 0


def test_programs_are_scored_by_all_their_tests_or_by_the_hidden_ones(score: DatasetScore) -> None:
    hidden = "def check(candidate):\n    assert candidate(1) == 2\n"
    info = {"check": hidden + "    assert candidate(2) == 4\n", "hidden_check": hidden,
            "entry_point": "f", "solution": "def f(x):\n    return 2 * x"}  # fmt: skip
    said = "```python\ndef f(x):\n    return x + 1\n```"
    assert value(score, "mbpp", "x", said, **info) == 0
    training = DatasetScore(sandbox=score.sandbox, hidden=True)
    assert value(training, "humaneval", "x", said, **info) == 1


def test_what_cannot_be_scored_is_an_error(score: DatasetScore) -> None:
    with pytest.raises(RewardError, match="'svamp', which has no published score"):
        value(score, "svamp", "1", "1")
    with pytest.raises(RewardError, match="no reference"):
        value(score, "gsm8k", " ", "1")
    with pytest.raises(ConfigError, match="need a sandbox"):
        value(DatasetScore(), "mbpp", "x", "x")
    with pytest.raises(ConfigError, match="unreadable=text"):
        DatasetScore(math=Math())
