"""What a run of general self-play deals."""

from dataclasses import dataclass

import pytest

from guerdon.envs.self_play.general_tasks import GeneralTasks
from guerdon.errors import ConfigError
from guerdon.tasks import TaskPool, TaskSets
from guerdon.types import Task


def question(number, domain="math"):
    return Task(f"q{number}", ({"role": "user", "content": f"Q{number}?"},), domain=domain)


@dataclass
class Seeds:
    train: tuple = tuple(question(i) for i in range(8))

    def load(self, count_tokens=None):
        return TaskSets(self.train, (question(99, "mt_bench"),))


def test_half_of_a_step_are_calls_and_half_are_questions():
    sets = GeneralTasks(seeds=Seeds()).load()
    pool = TaskPool(sets.train, weights=sets.weights, seed=1)
    dealt = pool.sample(8)
    assert sorted(task.domain for task in dealt) == ["gen_general"] * 4 + ["general"] * 4
    assert {task.info["problem_type"] for task in dealt} == {"gen_general", "pred_general"}
    assert {task.info["source"] for task in dealt if task.domain == "general"} == {"math"}


def test_held_out_questions_are_answered_whatever_the_step_deals():
    (held_out,) = GeneralTasks(seeds=Seeds()).load().held_out
    assert (held_out.domain, held_out.info["source"]) == ("general", "mt_bench")
    assert held_out.info["problem_type"] == "pred_general"


def test_calls_are_dealt_with_references_where_they_are_wanted():
    sets = GeneralTasks(seeds=Seeds(), num_references=3).load()
    pool = TaskPool(sets.train, weights=sets.weights, seed=1)
    calls = [task for task in pool.sample(8) if task.domain == "gen_general"]
    assert all(len(task.info["references"]) == 3 for task in calls)
    assert len({task.id for task in calls}) == 4


def test_answering_alone_deals_questions_only():
    sets = GeneralTasks(seeds=Seeds(), problem_types=["pred_general"]).load()
    assert sets.weights is None and {task.domain for task in sets.train} == {"general"}


@pytest.mark.parametrize("types", [[], ["gen_general"]])
def test_proposing_alone_is_refused(types):
    with pytest.raises(ConfigError, match="answers no question"):
        GeneralTasks(seeds=Seeds(), problem_types=types)


def test_no_seeds_are_an_error():
    with pytest.raises(ConfigError, match="no training task"):
        GeneralTasks(seeds=Seeds(train=())).load()
