"""`guerdon import-config`: another trainer's configuration as ours, and what became of each key."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from guerdon.compat.foreign import Imported


class Project(StrEnum):
    """Whose configuration it is."""

    verl = "verl"
    ragen = "ragen"
    align_anything = "align_anything"
    azr = "azr"


def import_config(
    project: Annotated[Project, typer.Argument(help="Whose configuration it is.")],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE... [a.b=c ...]", help="YAML files and overrides.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write there; default: print it.")
    ] = None,
) -> None:
    """Translate a configuration: guerdon import-config verl ppo_trainer.yaml --out mine.yaml."""
    from guerdon.errors import ConfigError

    paths = [Path(word) for word in files if "=" not in word and not word.startswith("~")]
    overrides = [word for word in files if Path(word) not in paths]
    if not paths:
        raise ConfigError(f"import-config {project.value}: name at least one YAML file")
    if out is not None and out.exists():
        raise ConfigError(f"--out {out}: exists; name a new file")
    convert = import_module(f"guerdon.compat.{project.value}").convert
    found: Imported = convert(paths, overrides)
    text = _text(project, paths, found)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
    _report(found)
    if out is not None:
        typer.echo(f"wrote {out}; next: guerdon check --config-name {out}", err=True)


def _text(project: Project, paths: list[Path], found: Imported) -> str:
    from guerdon.config.compose import to_yaml

    names = ", ".join(path.name for path in paths)
    notes = "".join(f"# Note:     {note}\n" for note in found.notes)
    return (
        f"# Hardware: that of the run it was written for.\n"
        f"# Command:  guerdon train --config-name THIS FILE\n"
        f"# Expected: what {names} of {project.value} asks for, as far as it is honoured.\n"
        f"{notes}{to_yaml(found.values)}"
    )


def _report(found: Imported) -> None:
    """Every key and its fate, on stderr, the ones to look at last."""
    width = max((len(fate.key) for fate in found.fates), default=0)
    for status in ("honoured", "ignored", "unknown"):
        for fate in found.fates:
            if fate.status == status:
                typer.echo(f"{status:<8}  {fate.key:<{width}}  {fate.note}", err=True)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    counts = Counter(fate.status for fate in found.fates)
    summary = ", ".join(f"{counts[s]} {s}" for s in ("honoured", "ignored", "unknown"))
    typer.echo(f"{len(found.fates)} keys: {summary}", err=True)
