"""Training by a model's short name, and checkpoints where AFlow-style projects look for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guerdon.compat.aflow import convert
from guerdon.compat.configured import Configured
from guerdon.config.check import check, examine
from guerdon.config.compose import read, run_file, to_yaml
from guerdon.errors import ConfigError
from guerdon.runs import reader

TINY = "six_datasets_tiny"
"""The shipped configuration of ``--model tiny``: no download, no GPU, a scripted executor."""


def configure(
    model: str,
    *,
    device: str | None = None,
    training_file: Path = Path("scripts/config/training.yaml"),
    data_dir: Path | None = None,
    overrides: Sequence[str] = (),
    is_new_run: bool | None = None,
) -> Configured:
    """The configuration of a model: ``tiny``, or what ``training.yaml`` says with that model.

    Args:
        device: ``cpu`` or ``cuda:N``; None: as the file says.
        data_dir: where processed data is; None: as the file says.
        overrides: ``trainer.steps=10``, in our own names.
        is_new_run: as in `config.check.check`; None: unless there is a run of that name to go on
            with.

    Raises:
        ConfigError: everything that is wrong, a line each.
    """
    notes: list[str] = []
    if model == "tiny":
        given = [f"models.policy.device={device}"] if device else []
        given += _data_overrides(data_dir) if data_dir else []
        values, *_ = read(TINY, [*given, *overrides])
    else:
        converted = convert(training_file, model=model, device=device)
        os.environ.update(converted.environment)  # before torch is imported
        notes += converted.notes
        values = _overridden(converted.values, data_dir, overrides)
    if is_new_run is None:
        run = values["run"]
        is_new_run = run.get("overwrite", False) or not _is_run(Path(run["dir"]) / run["name"])
    report = check(values, is_new_run=is_new_run)
    if report.config is None:
        raise ConfigError(report.problems)
    return Configured(report.config, values, (*notes, *report.warnings))


def train(configured: Configured) -> Path:
    """Train, or go on with a run that was stopped, as it was started; returns the run directory.

    With ``run.overwrite`` a run of the same name is replaced.

    Raises:
        As `guerdon.train.loop.train`.
    """
    from guerdon.train.loop import train as run_training

    run = configured.config.run
    folder = Path(run.dir) / run.name
    goes_on = _is_run(folder) and not run.overwrite
    config, values = configured.config, configured.values
    if goes_on:
        report, values = examine(run_file(folder), is_new_run=False)
        if report.config is None:
            raise ConfigError(report.problems)
        config = report.config
    try:
        run_training(config, values, resume=folder if goes_on else None)
    finally:
        link_checkpoints(folder)
    return folder


def link_checkpoints(run: Path) -> list[Path]:
    """``step_20`` beside ``checkpoints/step_000020``, for each checkpoint; old ones are removed."""
    if not run.is_dir():
        return []
    for old in run.glob("step_*"):
        if old.is_symlink():
            old.unlink()
    links = []
    for folder in reader.checkpoints(run):
        link = run / f"step_{reader.step_of(folder)}"
        link.symlink_to(folder.relative_to(run), target_is_directory=True)
        links.append(link)
    return links


def _is_run(folder: Path) -> bool:
    return (folder / "run.json").is_file()


def _data_overrides(data_dir: Path) -> list[str]:
    mixed = data_dir / "mixed"
    return [
        f"tasks.path='{mixed / 'train_mixed.jsonl'}'",
        f"tasks.eval_path='{mixed / 'test_mixed.jsonl'}'",
    ]


def _overridden(
    values: dict[str, Any], data_dir: Path | None, overrides: Sequence[str]
) -> dict[str, Any]:
    """The values with overrides, by way of a file that Hydra composes."""
    given = [*(_data_overrides(data_dir) if data_dir else []), *overrides]
    if not given:
        return values
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "training.yaml"
        file.write_text(to_yaml(values), encoding="utf-8")
        return read(file, given)[0]
