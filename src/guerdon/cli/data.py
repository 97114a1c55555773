"""`guerdon data download|process|check`: the public data sets, from a folder or the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from guerdon.data.download import Progress

data = typer.Typer(
    help="Public data sets: download, process, check.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class MixName(StrEnum):
    """`guerdon.data.process.Mix`."""

    held_out = "held_out"
    guide = "guide"


Out = Annotated[Path, typer.Option("--out", "-o", help="The data folder.")]


@data.command()
def download(
    sets: Annotated[list[str] | None, typer.Argument(help="Data sets; default: all.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="A folder with the original files; default: the hub."),
    ] = None,
    out: Out = Path("data"),
) -> None:
    """Fetch data sets as raw rows; what is there and unchanged is not read again."""
    from guerdon.data.download import download as fetch
    from guerdon.data.sets.all_sets import named

    chosen = named(sets or ())
    with _progress("download") as progress:
        found, missing = fetch(chosen, out, folder=folder, progress=progress)
    for one in found.values():
        splits: dict[str, int] = {}
        for source in one.sources:
            splits[source.split] = splits.get(source.split, 0) + source.rows
        parts = ", ".join(f"{name} {count}" for name, count in splits.items())
        typer.echo(f"{one.name}: {one.rows} rows ({parts})")
        for file, why in one.skipped.items():
            typer.echo(f"  not taken: {file}: {why}")
    for name, why in missing.items():
        typer.echo(f"warning: {name} is missing: {why}", err=True)
    if sets and missing:
        raise typer.Exit(1)


@data.command()
def process(
    sets: Annotated[list[str] | None, typer.Argument(help="Data sets; default: all.")] = None,
    out: Out = Path("data"),
    mix: Annotated[
        MixName, typer.Option("--mix", help="guide: the training guide's mix, HumanEval in it.")
    ] = MixName.held_out,
    seed: Annotated[int, typer.Option("--seed", help="Of orders and divisions.")] = 42,
) -> None:
    """Make rows to train on and to test on; no problem is on both sides."""
    from guerdon.data.process import process as make
    from guerdon.data.sets.all_sets import named

    names = [one.name for one in named(sets or ())] if sets else []
    with _progress("process") as progress:
        reports = make(out, mix=mix.value, names=names, seed=seed, progress=progress)
    for report in reports:
        divided = ", divided here" if report.divided else ""
        typer.echo(
            f"{report.name}: {report.rows} rows, {report.train} to train on, {report.test} to test"
            f" on{divided}"
        )
        for note, count in report.notes.items():
            if count:
                typer.echo(f"  {count} x {note}")
        if report.bad_rows:
            typer.echo(f"  {len(report.bad_rows)} rows cannot be used, such as:")
            for line in report.bad_rows[:3]:
                typer.echo(f"    {line}")


@data.command()
def check(out: Out = Path("data")) -> None:
    """Say all that is wrong with processed data; exit code 2 if anything is."""
    from guerdon.data.audit import audit
    from guerdon.errors import ConfigError

    found = audit(out)
    for name, counts in found.counts.items():
        parts = ", ".join(f"{one} {count}" for one, count in sorted(counts.items()))
        typer.echo(f"{name}: {parts}")
    if found.problems:
        raise ConfigError(found.problems)
    typer.echo("ok")


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """A bar on a terminal, a line for each set elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal) as bar:
        row = bar.add_task(what, total=None)

        def report(name: str, done: int, total: int) -> None:
            bar.update(row, completed=done, total=total, description=f"{what} {name}")
            if name and not console.is_terminal:
                typer.echo(f"{what} {done + 1}/{total}: {name}", err=True)

        yield report
