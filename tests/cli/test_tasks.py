import json

import pytest
from typer.testing import CliRunner

from guerdon.cli import app
from guerdon.data.files import TaskFile
from guerdon.errors import ConfigError
from guerdon.runs import task_file
from guerdon.tasks.origin import Origin, with_origin
from guerdon.types import Task


def task(name, domain, score, step):
    made = Task(name, ({"role": "user", "content": f"What is {name}?"},), "4", domain, {"k": 1})
    origin = Origin(score=score, difficulty=0.5, parents=("s",), judge="ann", step=step)
    return with_origin(made, origin)


TASKS = [task("two", "math", 0.5, 1), task("pi", "math", 0.9, 2), task("f", "code", 0.7, 3)]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "it"
    (folder / "checkpoints/step_000002").mkdir(parents=True)
    (folder / "checkpoints/step_000004").mkdir()
    (folder / "run.json").write_text("{}")
    task_file.write(folder / "checkpoints/step_000002" / task_file.NAME, TASKS[:1])
    task_file.write(folder / "checkpoints/step_000004" / task_file.NAME, TASKS)
    return folder


def call(*arguments):
    done = CliRunner().invoke(app, ["tasks", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_show_counts_by_domain_and_prints_the_newest_with_their_origin(run):
    lines = call("show", run, "-n", 1).splitlines()
    assert lines[:3] == [
        "3 tasks joined the pool and are in it",
        "  code: 1, of steps 3 to 3, mean score 0.70, mean difficulty 0.50",
        "  math: 2, of steps 1 to 2, mean score 0.70, mean difficulty 0.50",
    ]
    assert lines[4:] == [
        "--- f · step 3, score 0.70 by ann, difficulty 0.50, from s",
        "What is f?",
        "= 4",
    ]


def test_show_can_begin_with_the_best_and_look_at_an_earlier_checkpoint(run):
    assert "--- pi" in call("show", run, "--best", "-n", 1)
    assert call("show", run, "--step", 2).startswith("1 tasks")
    assert call("show", run, "--domain", "code").startswith("1 tasks")


def test_what_is_exported_can_be_trained_on(run, tmp_path):
    out = tmp_path / "out.jsonl"
    call("export", run, "--out", out)
    assert json.loads(out.read_text().splitlines()[0])["k"] == 1
    sets = TaskFile(path=str(out), num_held_out=0).load()
    assert [(t.id, t.domain, t.answer) for t in sets.train] == [
        (t.id, t.domain, t.answer) for t in TASKS
    ]
    with pytest.raises(ConfigError, match="exists; name a new file"):
        call("export", run, "--out", out)


def test_wrong_names_are_answered_with_what_there_is(run, tmp_path):
    with pytest.raises(ConfigError, match="no such checkpoint; it has 2, 4"):
        call("show", run, "--step", 3)
    with pytest.raises(ConfigError, match=r"--domain art: the pool of .* has code, math"):
        call("show", run, "--domain", "art")
    with pytest.raises(ConfigError, match="is not a run directory"):
        call("show", tmp_path)


def test_check_says_what_each_line_of_a_seed_file_is_good_for(tmp_path):
    rows = [
        {"snippet": "def f(a):\n    return a", "input": "1", "output": output}
        for output in ("1", "", "2")
    ]
    file = tmp_path / "seeds.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = call("check", file, "--json").splitlines()
    assert lines[0].startswith("seeds.jsonl:2: an output is empty")
    assert lines[1].startswith("seeds.jsonl:3: the program gives another output")
    assert lines[2] == "seeds.jsonl: 1 of 3 lines hold"
    assert json.loads(lines[3]) == {"seeds.jsonl": {"good": 1, "empty_output": 1, "differs": 1}}


def test_seed_gives_up_after_its_rounds_and_writes_nothing(tmp_path):
    out = tmp_path / "seeds.jsonl"
    small = (
        "models.policy.init.hidden=16",
        "models.policy.init.num_layers=1",
        "trainer.tasks_per_step=2",
        f"run.dir={tmp_path}",
    )
    with pytest.raises(ConfigError, match="of 3 tasks after 1 rounds"):
        call("seed", "-c", "self_play_code", "--out", out, "-n", 3, "--rounds", 1, *small)
    assert not out.exists()
