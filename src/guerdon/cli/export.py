"""`guerdon export`: a run's policy as a plain Hugging Face directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guerdon.cli.options import run_config


def export(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write; must not exist.")],
    step: Annotated[
        int | None, typer.Option("--step", help="Which checkpoint; default: the last.")
    ] = None,
) -> None:
    """Write a run's policy, LoRA merged, where transformers can load it."""
    from guerdon.errors import ConfigError

    run_config(run)
    if out.exists():
        raise ConfigError(f"--out {out}: exists; name a new folder")

    from guerdon.train.export import export_run

    typer.echo(export_run(run, out, step=step))
