"""The rules of a growing pool, one by one, as a pool applies them."""

import json

import pytest

from guerdon.errors import ConfigError
from guerdon.runs.schema import task_from_json, task_to_json
from guerdon.tasks import TaskPool, TaskSets
from guerdon.tasks.growth import Growth
from guerdon.tasks.origin import Origin, origin_of, with_origin
from guerdon.types import Task

SEEDS = [Task("seed", ({"role": "user", "content": "What is one and one?"},), "2", "a")]
LONG = (
    "A train leaves at noon and travels {} miles an hour for {} hours; how far does it get today?"
)


def make(name, text, domain="a", **origin):
    task = Task(name, ({"role": "user", "content": text},), None, domain)
    return with_origin(task, Origin(**origin)) if origin else task


def pool(held_out=(), seeds=SEEDS, **rules):
    return TaskPool(seeds, growth=Growth(**rules), held_out=held_out)


def grown(of):
    return [task.id for task in of.grown]


def test_a_task_that_joins_says_in_which_step():
    of = pool()
    of.extend([make("n", "New?", score=0.5, parents=("seed",), judge="ann")], step=7)
    expected = Origin(score=0.5, parents=("seed",), judge="ann", step=7)
    assert origin_of(of.grown[0]) == expected
    assert origin_of(SEEDS[0]) is None


def test_quality_admits():
    of = pool(min_score=0.6)
    tasks = [make("good", "G?", score=0.6), make("bad", "B?", score=0.59), make("none", "N?")]
    assert of.extend(tasks) == {"admitted": 1, "low_score": 1, "no_score": 1}
    assert grown(of) == ["good"]


def test_difficulty_has_two_ends():
    of = pool(min_difficulty=0.1, max_difficulty=0.9)
    tasks = [make(str(d), f"{d}?", difficulty=d) for d in (0.0, 0.1, 0.9, 1.0)]
    assert of.extend([*tasks, make("untried", "U?")]) == {
        "admitted": 3,
        "too_easy": 1,
        "too_hard": 1,
    }


def test_repeats_are_refused_equal_ones_in_any_spelling_near_ones_by_similarity():
    of = pool(near_duplicate=0.6)
    first = make("1", LONG.format(30, 4))
    assert of.extend([first, first, make("2", LONG.format(30, 4).upper())]) == {
        "admitted": 1,
        "known": 1,
        "duplicate": 1,
    }
    assert of.extend([make("3", LONG.format(30, 5))]) == {"near_duplicate": 1}
    assert of.extend([make("4", "what is ONE and one ?")]) == {"duplicate": 1}
    assert of.extend([make("5", LONG.format(30, 5), domain="b")]) == {"admitted": 1}
    assert pool(near_duplicate=None).extend([first, make("3", LONG.format(30, 5))]) == {
        "admitted": 2
    }


def test_a_duplicate_may_come_back_once_the_first_has_left():
    of = pool(max_tasks=2)
    of.extend([make("1", "First?")])
    assert of.extend([make("2", "Second?")]) == {"admitted": 1, "evicted": 1}
    assert of.extend([make("3", "First?")]) == {"admitted": 1, "evicted": 1}
    assert grown(of) == ["3"]


def test_evaluation_data_stays_out_whole_changed_or_quoted():
    held_out = [make("h", LONG.format(60, 3))]
    of = pool(held_out=held_out)
    tasks = [
        make("same", LONG.format(60, 3).lower(), domain="b"),
        make("quoted", "Hello! " + LONG.format(60, 3)[:80] + " no more."),
        make("other", "How many legs have three horses and two birds?"),
    ]
    assert of.extend(tasks) == {"contaminated": 2, "admitted": 1}
    assert of.evaluation_among(tasks) == {"same", "quoted"}


class Evaluation:
    """A data set to stay away from."""

    def load(self, count_tokens=None):
        return TaskSets((make("e1", "Which river is longest?"),), (make("e2", "Who wrote it?"),))

    def problems(self):
        return ["its file is gone"]


def test_other_evaluation_sets_are_avoided_too():
    of = pool(avoid=[Evaluation()])
    assert of.extend([make("1", "Which river is longest?"), make("2", "who wrote it ?")]) == {
        "contaminated": 2
    }
    assert Growth(avoid=[Evaluation()]).problems() == ["avoid.0: its file is gone"]


def test_a_domain_over_its_quota_loses_its_own_oldest():
    of = pool(quotas={"b": 2})
    tasks = [make(f"b{i}", f"b {i}?", "b") for i in range(4)] + [make("a", "A?")]
    assert of.extend(tasks) == {"admitted": 5, "evicted": 2}
    assert grown(of) == ["b2", "b3", "a"]


def test_priority_evicts_the_lowest_score_then_the_oldest_and_never_a_seed():
    of = pool(max_tasks=3, eviction="priority")
    scores = {"x": 0.5, "y": 0.2, "z": 0.9, "w": 0.5}
    of.extend([make(name, f"{name}?", score=score) for name, score in scores.items()])
    assert grown(of) == ["z", "w"]
    of.extend([make("v", "v?", score=0.1)])
    assert grown(of) == ["z", "w"] and len(of) == 3


def test_fresh_tasks_are_dealt_first_where_that_is_asked_for():
    seeds = [make(str(i), f"seed {i}?") for i in range(50)]
    of = pool(seeds=seeds, fresh_first=True)
    of.sample(3)
    of.extend([make("new", "New?")])
    assert [task.id for task in of.sample(1)] == ["new"]


def test_a_domain_of_weight_zero_is_kept_shown_and_never_dealt():
    invitation = Task("p", (), None, "propose", {"wants_references": {"domains": ["a"], "num": 2}})
    of = TaskPool([invitation], weights={"propose": 1.0, "a": 0.0})
    assert [task.info["references"] for task in of.sample(1)] == [[]]
    of.extend([make(f"n{i}", f"New {i}?") for i in range(3)])
    dealt = of.sample(8)
    assert {task.domain for task in dealt} == {"propose"}
    assert len({task.id for task in dealt}) == 8
    shown = [reference for task in dealt for reference in task.info["references"]]
    assert {each["id"] for each in shown} == {"n0", "n1", "n2"} and len(shown) == 16
    assert all("origin" not in each["info"] and each["subject"] for each in shown)


def test_a_resumed_pool_draws_the_same_references_and_refuses_the_same_tasks():
    invitation = Task("p", (), None, "propose", {"wants_references": {"domains": ["a"], "num": 2}})

    def build():
        return TaskPool([invitation, *SEEDS], growth=Growth(max_tasks=6, eviction="priority"))

    def go_on(of):
        out = []
        for i in range(6):
            out += [(task.id, task.info.get("references")) for task in of.sample(3)]
            new = [make(f"{i}-{j}", LONG.format(i % 2, j), score=j / 4) for j in range(4)]
            out.append(of.extend(new, step=i))
        return out

    first, second = build(), build()
    go_on(first)
    state = json.dumps([first.state_dict(), [task_to_json(task) for task in first.grown]])
    numbers, tasks = json.loads(state)
    second.load_state_dict(numbers, [task_from_json(task) for task in tasks])
    assert second.grown == first.grown
    assert go_on(first) == go_on(second)


def test_rules_that_make_no_sense_are_named_together():
    with pytest.raises(ConfigError) as caught:
        Growth(max_tasks=0, quotas={"a": 0}, min_score=2.0, min_difficulty=0.5, max_difficulty=0.4)
    assert len(caught.value.problems) == 4
    with pytest.raises(ConfigError, match="int is no source of tasks"):
        Growth(avoid=[3])
