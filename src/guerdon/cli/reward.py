"""`guerdon reward`: is a reward worth learning from? Score, calibrate and attack it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guerdon.cli.options import ConfigDir, ConfigName
from guerdon.cli.reward_setup import (
    AsJson,
    ColumnNames,
    Concurrent,
    Data,
    Format,
    Limit,
    RewardName,
    RightAt,
    Settings,
    TieWithin,
    open_reward,
    read_data,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guerdon.trust.agreement import Agreement
    from guerdon.trust.scoring import Case
    from guerdon.trust.stress import Problem, Stress

reward = typer.Typer(
    help="Is a reward worth learning from? Score, calibrate, attack it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@reward.command()
def score(
    data: Data,
    settings: Settings = None,
    reward: RewardName = None,
    config_name: ConfigName = None,
    config_dir: ConfigDir = None,
    form: Format = None,
    right_at: RightAt = 1.0,
    tie_within: TieWithin = 0.0,
    limit: Limit = None,
    max_concurrent: Concurrent = 64,
    columns: ColumnNames = None,
    show: Annotated[int, typer.Option("--show", help="Print so many disagreements.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare a reward's verdicts with labels: agreement, precision, recall, kappa."""
    import asyncio

    from guerdon.engines.closing import then_close
    from guerdon.trust.agreement import agree
    from guerdon.trust.scoring import pairs_of, score_all

    examples = read_data(data, form, limit, columns or ())
    with open_reward(reward, settings or (), config_name, config_dir) as setup:
        work = score_all(setup.reward, examples, setup.models, max_concurrent=max_concurrent)
        cases = asyncio.run(then_close(work, setup.models))
    found = agree(pairs_of(cases, right_at, tie_within))
    for line in [*_disagreements(cases, right_at, tie_within, show), *_table(found)]:
        typer.echo(line)
    errors = [case.error for case in cases if case.error is not None]
    if errors:
        typer.echo(f"{len(errors)} of {len(cases)} had no verdict and are not counted, such as: "
                   f"{errors[0]}", err=True)  # fmt: skip
    if as_json:
        typer.echo(json.dumps(found.to_json() | {"errors": len(errors)}))


@reward.command()
def calibrate(
    data: Data,
    settings: Settings = None,
    reward: RewardName = None,
    config_name: ConfigName = None,
    config_dir: ConfigDir = None,
    form: Format = None,
    right_at: RightAt = 1.0,
    tie_within: TieWithin = 0.0,
    limit: Limit = None,
    max_concurrent: Concurrent = 64,
    columns: ColumnNames = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, help="Score so often, each time with other seeds.")
    ] = 1,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the page here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit thresholds, and measure reliability, order, length and consistency, by labels."""
    import asyncio

    from guerdon.engines.closing import then_close
    from guerdon.errors import ConfigError
    from guerdon.trust.report import calibrate, lines, to_html
    from guerdon.trust.scoring import score_rounds

    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}")
    examples = read_data(data, form, limit, columns or ())
    with open_reward(reward, settings or (), config_name, config_dir) as setup:
        work = score_rounds(setup.reward, examples, setup.models, samples, max_concurrent)
        rounds = asyncio.run(then_close(work, setup.models))
        found = calibrate(setup.name, rounds, right_at, tie_within)
    for line in lines(found):
        typer.echo(line)
    if out is not None:
        out.write_text(to_html(found), encoding="utf-8")
        typer.echo(f"page: {out}")
    if as_json:
        typer.echo(json.dumps(found.to_json()))


@reward.command()
def stress(
    settings: Settings = None,
    reward: RewardName = None,
    config_name: ConfigName = None,
    config_dir: ConfigDir = None,
    data: Annotated[
        Path | None, typer.Option("--data", "-d", help="Tasks with answers to attack it on.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="So many of them.")] = 4,
    gold: Annotated[
        str | None, typer.Option("--gold", help="How a right answer is written: '... {answer}'.")
    ] = None,
    max_concurrent: Concurrent = 64,
    as_json: AsJson = False,
) -> None:
    """Attack a reward: nothing but a right answer may be paid. Exit code 1 if something is."""
    import asyncio

    from guerdon.engines.closing import then_close
    from guerdon.trust.stress import PROBLEMS
    from guerdon.trust.stress import stress as attack

    problems = PROBLEMS if data is None else _problems(data, limit)
    with open_reward(reward, settings or (), config_name, config_dir) as setup:
        work = attack(setup.reward, setup.models, problems, template=gold,
                      max_concurrent=max_concurrent)  # fmt: skip
        found = asyncio.run(then_close(work, setup.models))
    for line in _findings(found):
        typer.echo(line)
    if as_json:
        typer.echo(json.dumps(found.to_json()))
    if not found.is_sound:
        raise typer.Exit(1)


# --- words ---------------------------------------------------------------------------------------


def _table(found: Agreement) -> list[str]:
    """Overall and by class."""
    lines = [f"{'':<10} {'n':>6}  {'agreement':<24} {'precision':<24} {'recall':<24} kappa"]
    for name, one in [("all", found), *found.classes.items()]:
        numbers = [
            str(estimate or "not defined")
            for estimate in (one.agreement, one.precision, one.recall, one.kappa)
        ]
        cells = " ".join(f"{number:<24}" for number in numbers).rstrip()
        lines.append(f"{name[:10]:<10} {one.n:>6}  {cells}")
    return lines


def _disagreements(
    cases: Sequence[Case], right_at: float, tie_within: float, number: int
) -> list[str]:
    lines: list[str] = []
    for case in cases:
        pair = case.pair(right_at, tie_within)
        if pair is None or pair.label == pair.verdict or len(lines) >= number:
            continue
        said = " | ".join(" ".join(text.split())[-160:] for text in case.labelled.responses)
        why = case.rewards[0].note if case.rewards else ""
        asked = " ".join(case.labelled.task.prompt[-1]["content"].split())[:120]
        lines.append(
            f"label {pair.label}, verdict {pair.verdict} ({why}): {asked!r}, reference "
            f"{case.labelled.task.answer!r}, response ...{said!r}"
        )
    return lines


def _findings(found: Stress) -> list[str]:
    lines = [f"not tried{line.lstrip()[7:]}" for line in found.skipped]
    lines += [f"FOOLED    {a.family}/{a.name} as the {a.place}, problem {a.problem}: earned "
              f"{a.value:g} ({a.note})" for a in found.attempts
              if a.outcome.value == "fooled"]  # fmt: skip
    lines += [f"BLIND     a plain wrong answer is paid like the right one: problem {name}"
              for name in found.blind]  # fmt: skip
    for relation in found.relations:
        if not relation.is_kept:
            what = "a right answer is lost" if relation.is_right else "a wrong answer is paid"
            word = "BRITTLE" if relation.is_right else "FOOLED"
            lines.append(f"{word:<9} {relation.name}, problem {relation.problem}: {what}")
    counts = ", ".join(f"{number} {outcome.value}" for outcome, number in found.counts.items())
    kept = sum(relation.is_kept for relation in found.relations)
    summary = f"{len(found.attempts)} attacks: {counts}; {kept} of {len(found.relations)} "
    return [*lines, f"{summary}rewordings worth the same"]


def _problems(file: Path, limit: int) -> list[Problem]:
    """Tasks of a file, each with the answer of another one as a wrong answer."""
    from guerdon.data.files import TaskFile
    from guerdon.errors import ConfigError
    from guerdon.trust.gate import differ
    from guerdon.trust.stress import Problem

    tasks = [t for t in TaskFile(path=str(file), num_held_out=0).load().train if t.answer]
    found: list[Problem] = []
    for task in tasks:
        other = next((other for other in tasks if differ(other, task)), None)
        if other is not None and other.answer is not None and len(found) < limit:
            found.append(Problem(task, other.answer))
    if not found:
        raise ConfigError(f"--data {file}: no two tasks whose answers surely differ")
    return found
