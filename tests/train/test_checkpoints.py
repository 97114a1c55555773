import json

import pytest
from rich.console import Console

from guerdon.errors import CheckpointError
from guerdon.runs import reader
from guerdon.runs.store import RunStore
from guerdon.train import checkpoints
from guerdon.train.checkpoints import Progress
from guerdon.train.display import Display
from guerdon.train.evaluate import Evaluation
from guerdon.train.loop import _build
from small_runs import configuration, play


def found(reward):
    return Evaluation(reward=reward, success=None, ci95=None, episodes=4, errors=0)


def test_the_evaluation_before_training_is_remembered_and_is_never_the_best():
    start = Progress().after_evaluation(0, found(9.0))
    assert start.before == start.after == found(9.0).to_json()
    assert start.best_step is None


def test_the_best_is_the_first_of_equal_ones():
    progress = Progress()
    for step, reward in [(1, 0.5), (2, 0.75), (3, 0.75), (4, 0.25)]:
        progress = progress.after_evaluation(step, found(reward))
    assert (progress.best_step, progress.best_reward) == (2, 0.75)
    assert progress.after == found(0.25).to_json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    overrides = ("trainer.steps=2", "trainer.eval_every=1", "trainer.keep_last=5")
    outcome, _ = play(tmp_path_factory.mktemp("runs"), *overrides)
    return outcome.folder


def test_the_best_checkpoint_is_the_one_with_the_best_evaluation(folder):
    state = json.loads((reader.checkpoints(folder)[-1] / "trainer.json").read_text())
    assert reader.step_of(checkpoints.best(folder)) == state["progress"]["best_step"]


def test_a_run_without_a_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="has no checkpoint yet"):
        checkpoints.best(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    config, _ = configuration(folder)
    store = RunStore.create(folder / "small", "")
    yield _build(config, store, Display(Console(quiet=True)))
    store.finish("completed")


@pytest.mark.parametrize("text", [None, "{", ""])
def test_a_checkpoint_whose_state_cannot_be_read_is_named(tmp_path, text, run):
    if text is not None:
        (tmp_path / "trainer.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"trainer\.json cannot be read"):
        checkpoints.load(run, tmp_path)
