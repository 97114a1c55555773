"""Self-play about programs, small: it learns in the loop, and a resumed run is the run."""

import io
import json
import shutil

import pytest
from rich.console import Console

from guerdon.config.check import load
from guerdon.runs import reader, task_file
from guerdon.tasks.origin import origin_of
from guerdon.train import loop
from guerdon.train.display import Display

SMALL = (
    "trainer.steps=4",
    "trainer.tasks_per_step=4",
    "trainer.group_size=4",
    "trainer.eval_every=0",
    "trainer.save_every=1",
    "trainer.keep_last=9",
    "tasks.num_references=3",
    "tasks.solve_share=1",
    "growth.max_tasks=9",
    "growth.eviction=priority",
    "warmup.steps=60",
    "warmup.batch_size=32",
    "warmup.source.num_conversations=256",
    "warmup.source.spoiled_frac=0.0",
    "eval.num_tasks=4",
)


def play(folder, *overrides, resume=None):
    places = (f"run.dir={folder}", "run.name=it")
    config, values = load(
        "self_play_code", (*SMALL, *places, *overrides), is_new_run=resume is None
    )
    display = Display(Console(file=io.StringIO(), width=200))
    return loop.train(config, values, resume=resume, display=display).folder


def record(run):
    """What must be the same again to the byte: what was said, what it earned, and the pool."""
    said = [
        [(row.role, row.group, row.token_ids, row.reward) for row in episode.trajectories]
        for step in range(1, 5)
        for episode in reader.read_episodes(run, step)
    ]
    last = reader.checkpoints(run)[-1]
    pool = json.loads((last / "trainer.json").read_text())["pool"]
    return said, pool, (last / task_file.NAME).read_bytes()


def numbers(run):
    """What may differ in its last bits: which answers the engine samples together depends on when
    the sandbox is done with a proposal."""
    return [
        {name: value for name, value in row.items() if not name.startswith("time/")}
        for row in reader.read_metrics(run)
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return play(tmp_path_factory.mktemp("whole"))


def test_the_pool_grew_is_limited_and_every_task_says_where_it_came_from(whole):
    tasks = task_file.read(reader.checkpoints(whole)[-1] / task_file.NAME)
    assert 0 < len(tasks) <= 9 - 5
    origins = [origin_of(task) for task in tasks]
    assert all(origin.step > 0 and origin.judge == "sandbox" for origin in origins)
    rows = reader.read_metrics(whole)
    assert sum(row.get("tasks/admitted", 0) for row in rows) >= len(tasks)


@pytest.mark.parametrize("done", [1, 3])
def test_a_run_resumed_in_the_middle_is_the_run_that_was_not_interrupted(whole, tmp_path, done):
    shutil.copytree(whole, tmp_path / "it")
    for path in reader.checkpoints(tmp_path / "it"):
        if reader.step_of(path) > done:
            shutil.rmtree(path)
    (tmp_path / "it" / "summary.json").unlink()
    resumed = play(tmp_path, resume=tmp_path / "it")
    assert record(resumed) == record(whole)
    for again, row in zip(numbers(resumed), numbers(whole), strict=True):
        assert again == pytest.approx(row, rel=1e-3, abs=1e-4)
