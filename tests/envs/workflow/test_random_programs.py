"""Random workflows: valid, different, and in the environment's own words."""

import re
from collections import defaultdict

import pytest

from guerdon.envs.workflow.practice import PracticeTasks
from guerdon.envs.workflow.random_programs import RandomWorkflows
from guerdon.errors import ConfigError
from guerdon.workflow import Limits, check
from workflow_play import env

TASKS = PracticeTasks(num_train=10, num_held_out=2)


def source(**fields):
    where = fields.pop("env", env(catalogue="names"))
    return RandomWorkflows(env=where, tasks=TASKS, **{"num_conversations": 10, **fields})


@pytest.mark.parametrize("surface", ["dsl", "python"])
def test_every_program_is_valid_for_the_task_it_answers(surface):
    where = env(surface=surface, limits=Limits(max_calls=8))
    by_problem = {task.prompt[0]["content"]: task for task in TASKS.load().train}
    talks = source(env=where).load()
    assert len(talks) == 10
    for *prompt, reply in talks:
        task = by_problem[prompt[-1]["content"]]
        assert tuple(prompt) == where.prompt(task)
        assert check(reply["content"], where.catalog, where.setting(task)).is_valid


def test_programs_are_various_and_follow_from_the_seed():
    def written(num, seed=0):
        return [talk[-1]["content"] for talk in source(num_conversations=num, seed=seed).load()]

    programs = written(24)
    assert len(set(programs)) > 15
    assert programs == written(24) and programs != written(24, seed=1)
    assert all(any(sign in text for text in programs) for sign in ("*", "?", "[", "("))


def test_every_operator_of_a_domain_is_practised():
    where = env(catalogue="names")
    talks = source(env=where, num_conversations=120).load()
    told = {task.prompt[0]["content"]: task for task in TASKS.load().train}
    programs = defaultdict(list)
    for *prompt, reply in talks:
        task = told[prompt[-1]["content"]]
        programs[task.domain, where.setting(task).has_tests].append(reply["content"])
    assert len(programs) > 1
    for (domain, has_tests), texts in programs.items():
        names = [
            one.name
            for one in where.catalog.operators.values()
            if domain in one.domains and (has_tests or not one.needs_tests)
        ]
        for name in names:
            share = sum(name in re.findall(r"\w+", text) for text in texts) / len(texts)
            assert share >= 0.5 / len(names), (domain, name, share)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="must be 1 or more"):
        source(num_conversations=0)
