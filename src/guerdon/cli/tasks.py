"""`guerdon tasks`: the tasks that the policy of a run invented."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from guerdon.cli.options import ConfigDir, ConfigName, Overrides, require_name
from guerdon.tasks.origin import origin_of, subject
from guerdon.types import Task

_PARENTS = 2
"""Named in a line."""

tasks = typer.Typer(help="Tasks that a policy invented.", no_args_is_help=True)

Run = Annotated[Path, typer.Argument(help="A run directory.")]
Step = Annotated[
    int | None, typer.Option("--step", help="Of which checkpoint; default: the last one.")
]
Domain = Annotated[str | None, typer.Option("--domain", help="Only tasks of this domain.")]


@tasks.callback()
def options() -> None:
    """Tasks that a policy invented."""


@tasks.command()
def show(
    run: Run,
    step: Step = None,
    domain: Domain = None,
    number: Annotated[int, typer.Option("--number", "-n", help="How many to print.")] = 5,
    best: Annotated[
        bool, typer.Option("--best", help="Highest scores first; else newest.")
    ] = False,
) -> None:
    """Print how a run's pool grew: numbers by domain, then some tasks with their origin."""
    found = _read(run, step, domain)
    for line in _summary(found):
        typer.echo(line)
    shown = sorted(found, key=_score, reverse=True) if best else found[::-1]
    for task in shown[:number]:
        typer.echo(f"\n--- {task.id} · {_origin(task)}")
        typer.echo(subject(task))
        if task.answer is not None:
            typer.echo(f"= {task.answer}")


@tasks.command()
def export(
    run: Run,
    out: Annotated[Path, typer.Option("--out", help="The JSONL file to write; must not exist.")],
    step: Step = None,
    domain: Domain = None,
) -> None:
    """Write the tasks that a run's pool grew as rows that TaskFile and CodeTasks read."""
    from guerdon.errors import ConfigError

    if out.exists():
        raise ConfigError(f"--out {out}: exists; name a new file")
    found = _read(run, step, domain)
    _write(out, found)
    typer.echo(f"{len(found)} tasks -> {out}")


@tasks.command()
def seed(
    out: Annotated[Path, typer.Option("--out", help="The JSONL file to write; must not exist.")],
    overrides: Overrides = None,
    config_name: ConfigName = None,
    config_dir: ConfigDir = None,
    number: Annotated[int, typer.Option("--number", "-n", help="How many tasks to stop at.")] = 256,
    rounds: Annotated[int, typer.Option("--rounds", help="Give up after so many.")] = 100,
) -> None:
    """Let the policy of a configuration invent tasks, and learn nothing: seeds for later runs."""
    from guerdon.config.check import load
    from guerdon.errors import ConfigError

    if out.exists():
        raise ConfigError(f"--out {out}: exists; name a new file")
    config, _ = load(require_name(config_name), overrides or (), config_dir, is_new_run=False)

    from guerdon.train.seeding import invent

    found = invent(config, number, rounds, on_round=lambda line: typer.echo(line, err=True))
    _write(out, found)
    typer.echo(f"{len(found)} tasks -> {out}")


@tasks.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Seed files of programs, as JSON lines.")],
    is_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Run every program of seed files again, and say what each line is good for."""
    import asyncio

    from guerdon.envs.self_play.azr_seeds import Finding, check_entries, read_entries
    from guerdon.envs.self_play.programs import Workshop
    from guerdon.sandbox import Sandbox

    workshop = Workshop(sandbox=Sandbox())
    read = {file.name: read_entries(file) for file in files}
    counts: dict[str, dict[str, int]] = {}
    for name, entries in read.items():
        checked = asyncio.run(check_entries(entries, workshop))
        for each in checked:
            if each.finding is not Finding.good:
                typer.echo(f"{each.entry.where}: {each.finding.value} {each.why:.100}".rstrip())
        found = Counter(each.finding for each in checked)
        counts[name] = {finding.name: found[finding] for finding in Finding if found[finding]}
        typer.echo(f"{name}: {found[Finding.good]} of {len(checked)} lines hold")
    workshop.sandbox.close()
    if is_json:
        typer.echo(json.dumps(counts))


def _write(out: Path, found: Sequence[Task]) -> None:
    with out.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_row(task), ensure_ascii=False) + "\n" for task in found)


def _read(run: Path, step: int | None, domain: str | None) -> list[Task]:
    from guerdon.errors import ConfigError
    from guerdon.runs import reader, task_file

    reader.read_run(run)
    known = {reader.step_of(path): path for path in reader.checkpoints(run)}
    if not known:
        raise ConfigError(f"run {run} has no checkpoint yet; its tasks are in its episodes only")
    wanted = max(known, key=lambda at: at or 0) if step is None else step
    if wanted not in known:
        kept = ", ".join(map(str, known))
        raise ConfigError(f"--step {step}: {run} has no such checkpoint; it has {kept}")
    found = task_file.read(known[wanted] / task_file.NAME)
    domains = sorted({task.domain for task in found})
    if domain is not None and domain not in domains:
        has = ", ".join(domains) or "no invented task at all"
        raise ConfigError(f"--domain {domain}: the pool of {run} has {has}")
    return [task for task in found if domain in (None, task.domain)]


def _row(task: Task) -> dict[str, object]:
    """A task as a flat row: what stands in ``info`` becomes the row's own keys."""
    own = {"id": task.id, "prompt": list(task.prompt), "answer": task.answer}
    return {**task.info, **own, "data_source": task.domain}


def _summary(found: Sequence[Task]) -> list[str]:
    lines = [f"{len(found)} tasks joined the pool and are in it"]
    for domain in sorted({task.domain for task in found}):
        origins = [origin_of(task) for task in found if task.domain == domain]
        steps = [origin.step for origin in origins if origin]
        lines.append(
            f"  {domain}: {len(origins)}, of steps {min(steps)} to {max(steps)}, "
            f"mean score {_mean(origin.score for origin in origins if origin)}, "
            f"mean difficulty {_mean(origin.difficulty for origin in origins if origin)}"
        )
    return lines


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{fmean(known):.2f}" if known else "unknown"


def _score(task: Task) -> float:
    origin = origin_of(task)
    return origin.score if origin and origin.score is not None else float("-inf")


def _origin(task: Task) -> str:
    origin = origin_of(task)
    assert origin is not None, "the pool gives every invented task one"
    parts = [f"step {origin.step}"]
    if origin.score is not None:
        parts.append(f"score {origin.score:.2f} by {origin.judge or 'nobody named'}")
    if origin.difficulty is not None:
        parts.append(f"difficulty {origin.difficulty:.2f}")
    if origin.parents:
        more = len(origin.parents) - _PARENTS
        named = ", ".join(origin.parents[:_PARENTS])
        parts.append(f"from {named}{f' and {more} more' if more > 0 else ''}")
    return ", ".join(parts)
