import asyncio

import pytest

from guerdon.envs.self_play.grading import Grader
from guerdon.envs.self_play.problems import Problem
from self_play_fuzz import fuzz

SQUARES = Problem(
    "code_f", "def f(a):\n    return a * a", tuple("123456"), ("1", "4", "9", "16", "25", "36"), ""
)
HALF_RIGHT = "def f(a):\n    return a * a if a < 5 else 0"


@pytest.mark.parametrize(("how", "score"), [("all", 0.0), ("any", 1.0), ("share", 1 / 3)])
def test_a_program_that_is_right_for_one_hidden_pair_of_three(workshop, how, score):
    grader = Grader(workshop=workshop, code_f=how)
    assert asyncio.run(grader.grade(SQUARES, HALF_RIGHT)).score == pytest.approx(score)


def test_equal_numbers_count_where_that_is_asked_for(workshop):
    problem = Problem("code_o", "def f(a):\n    return a / 2", ("4",), ("2.0",))
    for numbers, score in (("exact", 0.0), ("equal", 1.0)):
        grader = Grader(workshop=workshop, numbers=numbers)
        assert asyncio.run(grader.grade(problem, "2")).score == score


def test_any_input_that_gives_the_output_is_right(grader):
    problem = Problem("code_i", "def f(a):\n    return a % 10", ("3",), ("3",))
    for answer, score in (("13", 1.0), ("-7", 1.0), ("3, 3", 0.0), ("4", 0.0)):
        assert asyncio.run(grader.grade(problem, answer)).score == score


def test_mutated_answers_and_programs_crash_nothing_and_are_never_right_by_mistake(workshop):
    count = asyncio.run(fuzz(150, 1, workshop))
    assert count.crashes == [] and count.false_right == []
    assert count.cases == 150 and count.right > 10
