"""A run that was killed and resumed is the run that was not."""

import json
import signal
import time

import pytest

from commands import SMALL, run, start
from guerdon.runs import reader


def record(folder):
    """Everything of a run that must be the same again: rows without timings, episodes, weights."""
    rows = [
        {name: value for name, value in row.items() if not name.startswith("time/")}
        for row in reader.read_metrics(folder)
    ]
    files = sorted([*(folder / "episodes").iterdir(), *(folder / "eval").iterdir()])
    weights = reader.checkpoints(folder)[-1] / "policy" / "model.safetensors"
    return rows, {path.name: path.read_bytes() for path in files}, weights.read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    run("train", *SMALL, "run.name=it", cwd=folder)
    return record(folder / "runs" / "it")


def wait_for(condition, process, timeout_s=120.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the run did not get there"
        time.sleep(0.01)


@pytest.mark.parametrize("steps_done", [0, 3, 5])
def test_kill_9_and_resume_gives_the_same_bytes(steps_done, uninterrupted, tmp_path):
    folder = tmp_path / "runs" / "it"
    process = start("train", *SMALL, "run.name=it", cwd=tmp_path)
    wait_for(lambda: len(reader.read_metrics(folder)) > steps_done, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    run("train", "--resume", folder, cwd=tmp_path)
    rows, episodes, weights = record(folder)
    assert rows == uninterrupted[0]
    assert episodes == uninterrupted[1]
    assert weights == uninterrupted[2]
    assert json.loads((folder / "run.json").read_text())["status"] == "completed"


def test_conversations_mixed_in_go_on_where_the_kill_came(tmp_path):
    ptx = "ptx={source: ${warmup.source}, coef: 0.5, batch_size: 5}"
    arguments = ("train", *SMALL, ptx, "trainer.steps=4", "trainer.eval_every=0")
    run(*arguments, "run.name=whole", cwd=tmp_path)
    process = start(*arguments, "run.name=cut", cwd=tmp_path)
    folder = tmp_path / "runs" / "cut"
    wait_for(lambda: len(reader.read_metrics(folder)) > 3, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    run("train", "--resume", folder, cwd=tmp_path)
    cut, whole = record(folder), record(tmp_path / "runs" / "whole")
    assert cut == whole
    assert all(row["policy/ptx_loss"] > 0 for row in whole[0][1:])


def test_ctrl_c_saves_says_how_to_resume_and_loses_nothing(uninterrupted, tmp_path):
    folder = tmp_path / "runs" / "it"
    process = start("train", *SMALL, "run.name=it", cwd=tmp_path)
    wait_for(lambda: len(reader.read_metrics(folder)) > 3, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "guerdon train --resume runs/it" in output
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    done = len(reader.read_metrics(folder)) - 1
    assert reader.step_of(reader.checkpoints(folder)[-1]) == done
    run("train", "--resume", folder, cwd=tmp_path)
    assert record(folder) == uninterrupted


def test_resuming_a_finished_run_says_so_and_changes_nothing(tmp_path):
    run("train", *SMALL, "run.name=it", "trainer.steps=2", cwd=tmp_path)
    folder = tmp_path / "runs" / "it"
    before = {path: path.read_bytes() for path in folder.rglob("*.json*")}
    output = run("train", "--resume", folder, cwd=tmp_path)
    assert "complete" in output
    assert {path: path.read_bytes() for path in folder.rglob("*.json*")} == before
