"""A world of digits: its questions, its words, its judge."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.engines.loopback import LoopbackEngine
from guerdon.envs.self_play.arithmetic import (
    ArithmeticJudge,
    ArithmeticTalk,
    ArithmeticTasks,
    World,
)
from guerdon.envs.self_play.wording import Wording
from guerdon.errors import ConfigError
from guerdon.rewards.judge import Judge
from guerdon.types import Model, Sampling, Task

WORDS = Wording(propose="ask", solve="{question}=", question_tag=None)
ALL = set(World().questions())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7-5+4", 6),
        ("0+0", 0),
        ("9+0", 9),
        ("9+1", None),
        ("1-2", None),
        ("1-2+3", 2),
        ("7", None),
        ("12+3", None),
        ("1+2+3+1", None),
        ("+1+2", None),
        ("1+", None),
        ("1 + 2", None),
        ("1+2\n", None),
        ("", None),
        ("\u0663+\u0664", None),
    ],
)
def test_only_a_short_sum_of_digits_with_a_digit_for_a_value_is_a_question(text, value):
    assert World().value_of(text) == value


@given(st.text("0123456789+-", max_size=8))
def test_the_questions_are_exactly_what_has_a_value(text):
    assert (text in ALL) == (World().value_of(text) is not None)


def test_a_smaller_world_has_the_questions_of_its_digits():
    small = World(max_terms=2, max_digit=1)
    assert list(small.questions()) == ["0+0", "0-0", "0+1", "1+0", "1-0", "1+1", "1-1"]
    assert small.value_of("2+1") is None
    sums = World(max_terms=2, max_digit=1, signs="+")
    assert list(sums.questions()) == ["0+0", "0+1", "1+0", "1+1"]
    assert sums.value_of("1-1") is None
    with pytest.raises(ConfigError, match="max_digit=10"):
        World(max_digit=10)


def test_held_out_questions_differ_from_seeds_and_do_not_depend_on_their_number():
    few, many = ArithmeticTasks(num_train=5).load(), ArithmeticTasks(num_train=500).load()
    assert few.held_out == many.held_out and few.train == many.train[:5]
    asked = [task.prompt[0]["content"] for task in (*many.train, *many.held_out)]
    assert len(set(asked)) == 700
    assert all(
        task.answer == str(World().value_of(task.prompt[0]["content"])) for task in many.train
    )


def test_more_questions_than_there_are_is_an_error():
    with pytest.raises(ConfigError, match="there are only 110 questions"):
        ArithmeticTasks(world=World(max_terms=2), num_train=100, num_held_out=11).load()


def test_the_warm_up_teaches_forms_and_no_truth():
    talks = ArithmeticTalk(wording=WORDS, num_conversations=2000, seed=3).load()
    proposals = [talk[-1]["content"] for talk in talks if talk[0]["content"] == "ask"]
    answers = [talk for talk in talks if talk[0]["content"] != "ask"]
    assert len(proposals) == len(answers) == 1000
    valid = sum(World().value_of(text) is not None for text in proposals) / 1000
    assert 0.3 < valid < 0.7
    right = [
        talk[-1]["content"] == str(World().value_of(talk[0]["content"].removesuffix("=")))
        for talk in answers
    ]
    assert sum(right) / 1000 < 0.1


def judged(rubric, response, question="7-5+4", near=0.0):
    async def ask():
        engine = LoopbackEngine(ArithmeticJudge(near=near))
        models = {"judge": Model(engine, Sampling(temperature=0.0))}
        task = Task("t", ({"role": "user", "content": question},))
        try:
            return (await Judge(rubric=rubric)(task, response, models)).value
        finally:
            await engine.close()

    return asyncio.run(ask())


def test_a_judge_that_computes_marks_questions_and_answers_over_http():
    assert judged("solvability", "7-5+4") == 1.0
    assert judged("solvability", "9+9") == 0.0
    assert judged("quality", "6") == 1.0
    assert judged("quality", "5") == 0.0
    assert judged("quality", "None", question="9+9") == 0.0
    assert judged("quality", "5", near=0.33) == judged("quality", "7", near=0.33) == 1 / 3
    assert judged("quality", "4", near=0.33) == judged("quality", "5.", near=0.33) == 0.0
