"""`guerdon train`: check a configuration, then train; or go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guerdon.cli.options import ConfigDir, ConfigName, Overrides, require_name


def train(
    overrides: Overrides = None,
    config_name: ConfigName = None,
    config_dir: ConfigDir = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN", help="Go on with a run directory.")
    ] = None,
) -> None:
    """Train a policy: guerdon train --config-name NAME [a.b=c ...], or --resume RUN."""
    from guerdon.config.check import examine
    from guerdon.config.compose import run_file
    from guerdon.errors import ConfigError

    others = [line for line in overrides or () if not line.startswith("llm.budget_usd=")]
    if resume is not None and (others or config_name or config_dir):
        raise ConfigError(
            "--resume goes on with the run as it was started: leave out --config-name and overrides"
            " (llm.budget_usd=USD may be raised)"
        )
    name = run_file(resume) if resume else require_name(config_name)
    report, values = examine(name, overrides or (), config_dir, is_new_run=resume is None)
    for line in report.warnings:
        typer.echo(f"warning: {line}", err=True)
    if report.config is None:
        raise ConfigError(report.problems)

    from guerdon.train.loop import train as run_training

    outcome = run_training(report.config, values, resume=resume)
    if outcome.status == "interrupted":
        raise typer.Exit(130)
