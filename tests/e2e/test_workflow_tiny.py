"""`workflow_tiny`, cut to seconds: it trains, resumes to the same, and its traces replay."""

import io
import json

from rich.console import Console

from guerdon.cli import main
from guerdon.config.check import load
from guerdon.envs.workflow import record
from guerdon.runs import reader
from guerdon.train import loop
from guerdon.train.display import Display

SMALL = (
    "trainer.steps=2",
    "trainer.tasks_per_step=4",
    "trainer.group_size=4",
    "trainer.eval_every=0",
    "trainer.save_every=1",
    "learner.minibatches=1",
    "tasks.num_train=4",
    "tasks.num_held_out=1",
    "warmup.steps=6",
    "warmup.batch_size=8",
    "warmup.source.num_conversations=8",
    "models.policy.init.hidden=16",
    "models.policy.init.num_layers=1",
    "models.policy.init.mlp=16",
    "models.policy.sampling.max_tokens=12",
)


def play(folder, *overrides, resume=None):
    places = (f"run.dir={folder}", "run.name=tiny")
    config, values = load("workflow_tiny", (*SMALL, *places, *overrides), is_new_run=resume is None)
    display = Display(Console(record=True, width=200, file=io.StringIO()))
    return loop.train(config, values, resume=resume, display=display)


def rows(folder):
    """The metrics, without what is measured."""
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    skip = ("time/", "llm/")
    return [{k: v for k, v in row.items() if not k.startswith(skip)} for row in found]


def test_it_trains_never_runs_an_invalid_workflow_and_its_traces_replay(tmp_path):
    folder = play(tmp_path).folder
    episodes = [one for step in (1, 2) for one in reader.read_episodes(folder, step)]
    files = sorted((folder / "workflows").glob("version_*/*.json"))
    assert len(episodes) == len(files) == 2 * 4 * 4
    assert [one.error for one in episodes] == [None] * 32
    kept = [record.load(file) for file in files]
    assert [one.run is None for one in kept] == [one.reward.value == -0.2 for one in kept]
    valid = [file for file, one in zip(files, kept, strict=True) if one.run is not None]
    for file in [files[0], *valid[:2]]:
        assert main(["workflow", "replay", str(file)]) == 0


def test_a_resumed_run_is_the_same_although_the_cache_has_its_answers(tmp_path):
    whole = play(tmp_path / "whole").folder
    part = play(tmp_path / "part", "trainer.steps=2").folder
    (part / "summary.json").unlink()
    last = reader.checkpoints(part)[-1]
    for file in sorted(last.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    last.rmdir()
    again = play(tmp_path / "part", resume=part).folder
    assert rows(again) == rows(whole)
