"""From a checkpoint, or a model's name, to a report over the six data sets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guerdon.backends import local
from guerdon.compat.aflow_run import configure
from guerdon.config.build import build
from guerdon.config.check import load
from guerdon.config.compose import run_file
from guerdon.config.schema import Config
from guerdon.data.records import read_records, to_task
from guerdon.data.sets.all_sets import SETS, SIX
from guerdon.engines.closing import then_close
from guerdon.errors import CheckpointError, ConfigError
from guerdon.runs import reader
from guerdon.suite.play import Progress, play_suite
from guerdon.suite.report import write
from guerdon.types import Models, Task


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to evaluate.

    Args:
        model: a short name, a folder or a hub name; with a checkpoint, what the report calls it.
        checkpoint: ``checkpoints/<model>/grpo_mixed/step_N``; None: the model untrained.
        data_dir: where `guerdon data process` wrote.
        rows: of each data set, the first so many; None: all.
        choose_rows: training rows of each domain that the best fixed workflow is chosen by; 0: it
            is not.
        baselines_only: leave the policy out.
        out: where the report goes.
    """

    model: str
    checkpoint: Path | None = None
    training_file: Path = Path("scripts/config/training.yaml")
    data_dir: Path = Path("data")
    device: str | None = None
    rows: int | None = None
    choose_rows: int = 20
    datasets: Sequence[str] = ()
    baselines_only: bool = False
    out: Path = Path("results/evaluation")
    overrides: Sequence[str] = ()
    """``eval.sampling.max_tokens=512``, for what a run was configured with."""


def evaluate_six(
    request: Request, progress: Progress = lambda what, done, total: None
) -> dict[str, Any]:
    """Play everything and write the report; returns its JSON.

    Raises:
        ConfigError, CheckpointError: what is asked for is not there.
        RolloutError: nothing could be played.
    """
    tests = read_tests(request.data_dir, request.datasets, request.rows)
    config, run, checkpoint = _find(request)
    models = _models(config, run, checkpoint, request)
    env = build(config.env, "env")
    if not hasattr(env, "play"):
        raise ConfigError(f"env: {type(env).__name__} does not run workflows; use "
                          f"guerdon.envs.workflow.env.Workflow")  # fmt: skip
    work = play_suite(
        env,
        models,
        tests,
        choose_by=_to_choose_by(request),
        settings=config.eval,
        max_concurrent=config.trainer.max_concurrent,
        progress=progress,
    )
    suite = asyncio.run(then_close(work, models))
    asked = request.datasets or SIX
    about = {
        "model": request.model,
        "checkpoint": None if request.checkpoint is None else str(request.checkpoint),
        "executor": _executor_name(config),
        "rows": {name: len(tasks) for name, tasks in tests.items()},
        "missing": [name for name in asked if name not in tests],
    }
    return write(suite, request.out, about)


def read_tests(
    data_dir: Path, datasets: Sequence[str] = (), rows: int | None = None
) -> dict[str, list[Task]]:
    """The test rows of each data set that is there: those asked for, else all that are.

    Raises:
        ConfigError: there is none, or a name is unknown.
    """
    unknown = [name for name in datasets if name not in SETS]
    if unknown:
        raise ConfigError(f"no data set {unknown[0]!r}; there are: {', '.join(SETS)}")
    found = {}
    for name in datasets or SETS:
        path = data_dir / "test" / f"{name}_test.jsonl"
        if path.is_file() and path.stat().st_size:
            found[name] = [to_task(record) for record in read_records(path)[:rows]]
    if not found:
        raise ConfigError(
            f"{data_dir / 'test'} has no test rows; run `guerdon data download` and `guerdon data "
            f"process --out {data_dir}`"
        )
    return found


def resolve_checkpoint(path: Path) -> tuple[Path, Path]:
    """The run and the checkpoint that ``.../grpo_mixed/step_100`` means.

    Raises:
        CheckpointError: there is none; names those there are.
    """
    named = re.fullmatch(r"step_(\d+)", path.name)
    step = None if named is None else int(named[1])
    run = path.parent.parent if path.parent.name == "checkpoints" else path.parent
    there = reader.checkpoints(run) if run.is_dir() else []
    for folder in there:
        if step is not None and reader.step_of(folder) == step:
            return run, folder
    names = ", ".join(f"step_{reader.step_of(folder)}" for folder in there)
    raise CheckpointError(f"no checkpoint {str(path)!r}; {run} has {names or 'none'}")


def _find(request: Request) -> tuple[Config, Path | None, Path | None]:
    """The configuration, the run and the checkpoint to evaluate."""
    if request.checkpoint is not None:
        run, checkpoint = resolve_checkpoint(request.checkpoint)
        overrides = [*request.overrides]
        if request.device is not None:
            overrides.append(f"models.policy.device={request.device}")
        config, _ = load(run_file(run), overrides, is_new_run=False)
        return config, run, checkpoint
    configured = configure(
        request.model,
        device=request.device,
        training_file=request.training_file,
        data_dir=request.data_dir,
        overrides=request.overrides,
        is_new_run=False,
    )
    return configured.config, None, None


def _models(config: Config, run: Path | None, checkpoint: Path | None, request: Request) -> Models:
    folder = request.out if run is None else run
    folder.mkdir(parents=True, exist_ok=True)
    models = local.load_models(config, folder, checkpoint)
    return {n: m for n, m in models.items() if n != "policy" or not request.baselines_only}


def _to_choose_by(request: Request) -> list[Task]:
    """Training rows, the first so many of each domain."""
    path = request.data_dir / "mixed" / "train_mixed.jsonl"
    if not request.choose_rows or not path.is_file():
        return []
    chosen: dict[str, list[Task]] = {}
    for record in read_records(path):
        own = chosen.setdefault(record.domain, [])
        if len(own) < request.choose_rows:
            own.append(to_task(record))
    return [task for tasks in chosen.values() for task in tasks]


def _executor_name(config: Config) -> str:
    engine: Mapping[str, Any] = config.models["executor"].engine
    return str(engine.get("model", engine["_target_"].rpartition(".")[2]))
