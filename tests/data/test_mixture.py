import json
from collections import Counter

import pytest

from guerdon.data import files, mixture
from guerdon.data.files import TaskFile
from guerdon.data.mixture import Mixture
from guerdon.errors import ConfigError
from guerdon.tasks import TaskPool, TaskSets, TaskSource
from guerdon.types import Task


def file(path, texts, **fields):
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    return TaskFile(path=str(path), **fields)


class Made:
    """A source that makes its tasks, as environments do."""

    def __init__(self, train, held_out):
        self.train, self.held_out = train, held_out

    def load(self, count_tokens=None):
        return TaskSets(tuple(self.train), tuple(self.held_out))


def made(*texts):
    return [Task(str(i), ({"role": "user", "content": text},)) for i, text in enumerate(texts)]


def test_domains_are_named_by_key_and_the_pool_deals_them_by_weight(tmp_path):
    source = Mixture(
        sources={
            "math": file(tmp_path / "m.jsonl", [f"m{i}" for i in range(30)]),
            "code": file(tmp_path / "c.jsonl", [f"c{i}" for i in range(30)], domain="ignored"),
        },
        weights={"math": 3.0, "code": 1.0},
    )
    assert isinstance(source, TaskSource)
    sets = source.load()
    pool = TaskPool(sets.train, weights=sets.weights)
    assert pool.counts() == {"code": 27, "math": 27}
    for _ in range(5):
        assert Counter(task.domain for task in pool.sample(4)) == {"math": 3, "code": 1}
    assert [task.domain for task in sets.held_out] == ["math", "code"] * 3
    assert len(sets.report.parts) == 2
    assert sets.report.lines()[0] == "mixture: 60 rows, 54 tasks to train on, 6 held out"


def test_what_one_source_holds_out_no_other_trains_on(tmp_path):
    texts = [f"t{i}" for i in range(20)]
    sources = {"a": file(tmp_path / "a.jsonl", texts), "b": file(tmp_path / "b.jsonl", texts)}
    sources["c"] = file(tmp_path / "c.jsonl", texts, num_held_out=0)
    sets = Mixture(sources=sources).load()
    held_out = {task.prompt[0]["content"] for task in sets.held_out}
    assert not held_out & {task.prompt[0]["content"] for task in sets.train}
    assert sets.report.notes[files.OVERLAP] == 2


def test_tasks_told_by_their_world_and_not_by_a_prompt_are_all_kept():
    worlds = [Task(f"w{i}", (), info={"seed": i}) for i in range(4)]
    sets = Mixture(sources={"a": Made(worlds[:3], worlds[3:]), "b": Made(made("x"), [])}).load()
    assert len(sets.train) == 4
    assert len(sets.held_out) == 1


def test_ids_that_two_sources_share_stay_apart():
    sets = Mixture(
        sources={"a": Made(made("x", "y"), []), "b": Made(made("z"), made("w"))},
    ).load()
    assert [task.id for task in sets.train] == ["0", "1", "b/0"]
    assert [task.id for task in sets.held_out] == ["b/0"]
    assert sets.report.notes[mixture.RENAMED] == 2
    assert len(TaskPool(sets.train)) == 3


def test_problems_of_all_sources_come_with_their_names(tmp_path):
    source = Mixture(
        sources={
            "a": TaskFile(path=str(tmp_path / "none.jsonl")),
            "b": file(tmp_path / "b.txt", []),
        }
    )
    with pytest.raises(ConfigError) as caught:
        source.load()
    places = [problem.split(":")[0] for problem in caught.value.problems]
    assert places == ["sources.a", "sources.b"]


def test_weights_must_fit_the_sources():
    with pytest.raises(ConfigError) as caught:
        Mixture(sources={"a": Made([], []), "b": Made([], [])}, weights={"a": -1.0, "c": 1.0})
    assert len(caught.value.problems) == 3
    with pytest.raises(ConfigError, match="sources is empty"):
        Mixture(sources={})


def test_a_weighted_mixture_inside_another_is_refused():
    inner = Mixture(sources={"a": Made(made("x"), [])}, weights={"a": 1.0})
    with pytest.raises(ConfigError, match=r"sources.b has weights of its own"):
        Mixture(sources={"b": inner}).load()
