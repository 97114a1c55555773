"""Checkpoints of a run: which to write, which to keep, and how to go on from one.

step_000020/   policy/  critic/  learner's state     see learner/checkpoint.py
               trainer.json                          step, task pool, algorithm, the best so far
               tasks.jsonl                           the tasks the policy invented
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from guerdon.errors import CheckpointError
from guerdon.learner.checkpoint import write_atomically
from guerdon.runs import reader, task_file
from guerdon.train.evaluate import Evaluation
from guerdon.train.step import Training


@dataclass(frozen=True)
class Progress:
    """Where a run stands, apart from its weights."""

    step: int = 0
    best_step: int | None = None
    best_reward: float | None = None
    train_s: float = 0.0
    """Seconds spent in training steps, over all sittings."""
    before: dict[str, Any] | None = None
    """The evaluation before step 1, as in summary.json."""
    after: dict[str, Any] | None = None
    """The latest evaluation."""

    def after_evaluation(self, step: int, found: Evaluation) -> Progress:
        """The same, with what an evaluation at ``step`` found."""
        record = found.to_json()
        if step == 0:
            return replace(self, before=record, after=record)
        best = self.best_reward is None or found.reward > self.best_reward
        if not best:
            return replace(self, after=record)
        return replace(self, after=record, best_step=step, best_reward=found.reward)


def save(run: Training, progress: Progress) -> Path:
    """Write the checkpoint of ``progress.step``, all or nothing, then remove those not to keep."""
    state = {
        "progress": asdict(progress),
        "pool": run.pool.state_dict(),
        "algorithm": _state_of(run.algorithm),
    }

    def write(folder: Path) -> None:
        run.learner.save(folder)
        (folder / "trainer.json").write_text(json.dumps(state), encoding="utf-8")
        task_file.write(folder / task_file.NAME, run.pool.grown)

    folder = run.store.checkpoint_folder(progress.step)
    write_atomically(folder, write)
    _prune(run, progress)
    return folder


def _prune(run: Training, progress: Progress) -> None:
    settings = run.config.trainer
    kept = reader.checkpoints(run.store.folder)
    best = progress.best_step if settings.keep_best else None
    for folder in kept[: -settings.keep_last]:
        if reader.step_of(folder) != best:
            shutil.rmtree(folder)


def load(run: Training, folder: Path) -> Progress:
    """Put weights, optimizer, task pool and algorithm back to where ``folder`` was written.

    Raises:
        CheckpointError: it is incomplete or of another configuration.
    """
    try:
        state = json.loads((folder / "trainer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"checkpoint {folder}: trainer.json cannot be read ({error})"
        ) from error
    grown = task_file.read(folder / task_file.NAME)
    run.learner.load(folder)
    run.pool.load_state_dict(state["pool"], grown)
    if state["algorithm"]:
        run.algorithm.load_state_dict(state["algorithm"])  # type: ignore[attr-defined]
    return Progress(**state["progress"])


def _state_of(algorithm: object) -> dict[str, float]:
    """What an algorithm with moving coefficients must remember; {} for the others."""
    return algorithm.state_dict() if hasattr(algorithm, "state_dict") else {}


def best(folder: Path) -> Path:
    """The checkpoint of a run with the best evaluation, else its last.

    Raises:
        CheckpointError: the run has none.
    """
    found = reader.checkpoints(folder)
    if not found:
        raise CheckpointError(f"run {folder} has no checkpoint yet")
    state = json.loads((found[-1] / "trainer.json").read_text(encoding="utf-8"))
    wanted = state["progress"]["best_step"]
    return next((path for path in found if reader.step_of(path) == wanted), found[-1])
