"""Practice problems: right answers, nothing held out is trained on, public tests are not hidden."""

import pytest

from guerdon.envs.workflow.practice import KINDS, PracticeTasks
from guerdon.envs.workflow.public_tests import overlap
from guerdon.errors import ConfigError

SETS = PracticeTasks(num_train=30, num_held_out=5).load()


def test_there_are_equally_many_of_each_sort_and_none_twice():
    assert [task.info["kind"] for task in SETS.held_out] == list(KINDS) * 5
    assert [task.info["kind"] for task in SETS.train] == list(KINDS) * 30
    ids = [task.id for task in (*SETS.train, *SETS.held_out)]
    assert len(set(ids)) == len(ids) == 5 * 35


def test_the_held_out_ones_do_not_depend_on_how_many_are_trained_on():
    assert PracticeTasks(num_train=3, num_held_out=5).load().held_out == SETS.held_out
    assert PracticeTasks(num_train=3, num_held_out=5, seed=1).load().held_out != SETS.held_out


def test_answers_are_right():
    for task in SETS.train:
        text = task.prompt[0]["content"]
        words = text.split()
        if task.info["kind"] == "sum":
            assert int(task.answer) == int(words[2]) + int(words[4])
        elif task.info["kind"] == "product":
            assert int(task.answer) == int(words[2]) * int(words[4])
        elif task.info["kind"] == "lookup":
            assert f"{words[-2]} is in {task.answer}" in text
        elif task.info["kind"] == "riddle":
            leader = words[words.index("follows") + 1]
            assert words[-2] == words[0] and f"{leader} is in {task.answer}" in text
        else:
            a, b = int(words[7]), int(words[9])
            tests = [*task.info["public_tests"], *task.info["tests"]]
            for test in tests:
                given, expected = test.removeprefix("assert f(").split(") == ")
                assert int(expected) == int(given) * a + b
            assert task.info["solution"] == f"def f(n):\n    return n * {a} + {b}"


def test_no_public_test_is_hidden():
    assert all(overlap(task) == [] for task in SETS.train)


def test_too_many_and_unknown_sorts_are_refused():
    with pytest.raises(ConfigError, match="there are only"):
        PracticeTasks(num_train=100_000, kinds=("lookup",)).load()
    with pytest.raises(ConfigError, match=r"kinds \['art'\]"):
        PracticeTasks(kinds=("art",))
