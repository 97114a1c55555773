"""Random workflows: valid, different, and in the environment's own words."""

from collections import Counter

import pytest

from guerdon.envs.workflow.practice import PracticeTasks
from guerdon.envs.workflow.random_programs import RandomWorkflows
from guerdon.errors import ConfigError
from guerdon.workflow import Limits, check
from workflow_play import env

TASKS = PracticeTasks(num_train=10, num_held_out=2)


def source(**fields):
    where = fields.pop("env", env(catalogue="names"))
    return RandomWorkflows(env=where, tasks=TASKS, **{"num_conversations": 30, **fields})


@pytest.mark.parametrize("surface", ["dsl", "python"])
def test_every_program_is_valid_for_the_task_it_answers(surface):
    where = env(surface=surface, limits=Limits(max_calls=8))
    by_problem = {task.prompt[0]["content"]: task for task in TASKS.load().train}
    talks = source(env=where).load()
    assert len(talks) == 30
    for *prompt, reply in talks:
        task = by_problem[prompt[-1]["content"]]
        assert tuple(prompt) == where.prompt(task)
        assert check(reply["content"], where.catalog, where.setting(task)).is_valid


def test_programs_are_various_and_follow_from_the_seed():
    def written(seed):
        return [talk[-1]["content"] for talk in source(num_conversations=60, seed=seed).load()]

    programs = written(0)
    assert len(set(programs)) > 35
    assert programs == written(0) and programs != written(1)
    words = Counter(word for text in programs for word in ("*", "?", "[", "Test") if word in text)
    assert min(words[word] for word in ("*", "?", "[", "Test")) >= 2


def test_limits_that_allow_nothing_are_said_so():
    tight = env(operators=(), limits=Limits(max_calls=1, max_parallel=1))
    assert source(env=tight, num_conversations=2).load()  # a single call still fits
    with pytest.raises(ConfigError, match="must be 1 or more"):
        source(num_conversations=0)
