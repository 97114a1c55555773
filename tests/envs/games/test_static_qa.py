"""Questions with answers: what counts as equal, and what a late answer is worth."""

import pytest

from guerdon.envs.games.capitals import CapitalTasks
from guerdon.envs.games.static_qa import StaticQAGame
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError, EnvError
from guerdon.types import Task


@pytest.mark.parametrize(
    ("match", "answer", "reply", "is_right"),
    [
        ("text", "The Hague", "the hague.", True),
        ("text", "Buenos Aires", "Buenos-Aires", True),
        ("text", "Rome", "Rome or Paris", False),
        ("number", "#### 1,234", "so it is 1234.0", True),
        ("number", "-0.5", "-1/2", False),
        ("number", "7", "7 of 9", False),
        ("letter", "C", "The answer is C", True),
        ("letter", "C", "Certainly B", False),
    ],
)
def test_answers_are_compared_as_asked(match, answer, reply, is_right):
    game = StaticQAGame(match=match)
    game.reset(Task("q", (), answer=answer), 0)
    assert game.step(reply)[4]["success"] == float(is_right)


def test_each_further_try_is_worth_half_and_the_last_one_ends_it():
    game, task = StaticQAGame(tries=3), Task("q", (), answer="yes")
    game.reset(task, 0)
    assert game.step("no") == ("That is not right. Try again.", 0.0, False, False, {"success": 0.0})
    assert game.step("yes")[1:3] == (0.5, True)
    game.reset(task, 0)
    assert [game.step("no")[3] for _ in range(3)] == [False, False, True]


def test_the_question_is_the_prompt_and_nothing_is_added_to_it():
    task = CapitalTasks().load().train[0]
    (message,) = StepEnv(game=StaticQAGame()).head(task)
    assert message["content"].startswith("What is the capital of ")


def test_a_task_without_an_answer_that_can_be_compared_is_an_env_error():
    with pytest.raises(EnvError, match="has no answer"):
        StaticQAGame().reset(Task("q", ()), 0)
    with pytest.raises(EnvError, match="no number in the answer 'many'"):
        StaticQAGame(match="number").reset(Task("q", (), answer="many"), 0)


def test_capitals_are_split_by_country():
    sets = CapitalTasks(num_held_out=30).load()
    assert len(sets.held_out) == 30 and len(sets.train) > 80
    every = {task.id for task in (*sets.train, *sets.held_out)}
    assert len(every) == len(sets.train) + 30
    assert all(task.answer for task in sets.train)
    with pytest.raises(ConfigError, match="num_held_out must be below"):
        CapitalTasks(num_held_out=1000).load()
