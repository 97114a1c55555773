"""Two responses, in both orders."""

import asyncio

import pytest

from guerdon.errors import ConfigError, NoVerdict, RewardError
from guerdon.rewards.compare import Comparison, Pairwise, Versus
from guerdon.rewards.sealed import unseal
from guerdon.types import RewardFn, Task
from judges import TASK, model, tagged


def compare(judge, engine, first="Paris", second="Lyon", task=TASK):
    return asyncio.run(judge.compare(task, first, second, {"judge": engine}))


@pytest.mark.parametrize(
    ("said", "winner", "flipped", "points"),
    [
        (("1", "2"), "1", False, 1.0),
        (("2", "1"), "2", False, 0.0),
        (("1", "1"), "tie", True, 0.5),
        (("2", "2"), "tie", True, 0.5),
        (("tie", "tie"), "tie", False, 0.5),
        (("1", "tie"), "tie", True, 0.5),
        (("tie", "1"), "tie", True, 0.5),
    ],
)
def test_only_who_wins_in_both_orders_wins(said, winner, flipped, points):
    found = compare(Pairwise(), model(*map(tagged, said)))
    assert (found.winner, found.is_flipped, found.points) == (winner, flipped, points)


def test_the_second_question_shows_them_the_other_way_round():
    engine = model(tagged("1"), tagged("2"))
    compare(Pairwise(), engine)
    shown = [unseal(prompt[1]["content"]) for prompt, _ in engine.engine.calls]
    assert [(one["response_1"], one["response_2"]) for one in shown] == [
        ("Paris", "Lyon"),
        ("Lyon", "Paris"),
    ]
    assert all(one["reference"] == "Paris" for one in shown)


def test_one_order_is_enough_if_one_says_so():
    engine = model(tagged("2"))
    found = compare(Pairwise(swap=False), engine)
    assert found == Comparison("2", None, "Because.")
    assert (found.winner, found.is_flipped) == ("2", False)


def test_equal_texts_are_a_tie_and_nobody_is_asked():
    engine = model()
    assert compare(Pairwise(), engine, "Paris ", "Par\u200bis").winner == "tie"
    assert engine.engine.calls == []


def test_the_median_of_several_verdicts_counts_in_each_order():
    engine = model(*map(tagged, ["1", "1", "2", "2", "tie", "2"]), temperature=1.0)
    found = compare(Pairwise(samples=3), engine)
    assert (found.in_order, found.swapped) == ("1", "1")


def test_without_ties_a_tie_is_no_verdict():
    with pytest.raises(NoVerdict):
        compare(Pairwise(ties=False, tries=1), model(tagged("tie"), tagged("1")))


def test_a_missing_verdict_in_one_order_fails_the_comparison():
    with pytest.raises(NoVerdict):
        compare(Pairwise(tries=1), model(tagged("1"), "well"))


def versus(judge, engine, response="Paris", task=TASK):
    return asyncio.run(judge(task, response, {"judge": engine}))


def test_versus_the_reference_is_a_reward_that_does_not_show_it_as_one():
    assert isinstance(Versus(), RewardFn)
    engine = model(tagged("1"), tagged("2"))
    reward = versus(Versus(), engine, "Paris, on the Seine")
    assert (reward.value, reward.parts) == (1.0, {"flipped": 0.0})
    assert set(unseal(engine.engine.calls[0][0][1]["content"])) == {
        "question",
        "response_1",
        "response_2",
    }


def test_versus_another_response_of_the_task():
    task = Task("x", TASK.prompt, "Paris", info={"baseline": "Lyon"})
    engine = model(tagged("2"), tagged("2"))
    reward = versus(Versus(against="baseline"), engine, "Nice", task)
    assert (reward.value, reward.parts) == (0.5, {"flipped": 1.0})
    assert unseal(engine.engine.calls[0][0][1]["content"])["reference"] == "Paris"


def test_no_opponent_is_an_error_and_no_response_a_loss():
    with pytest.raises(RewardError, match="has no baseline to compare with"):
        versus(Versus(against="baseline"), model())
    assert versus(Versus(), model(), " ").value == 0.0


def test_a_rubric_that_shows_the_reference_cannot_have_it_as_the_opponent(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("kind: pair\nrole: x\ncriteria: y\nreference: required\n")
    with pytest.raises(ConfigError, match="is the opponent"):
        Versus(rubric=str(file))
