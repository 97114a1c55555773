"""`guerdon check`: would `guerdon train` start?"""

from __future__ import annotations

import typer

from guerdon.cli.options import ConfigDir, ConfigName, Overrides, require_name


def check(
    overrides: Overrides = None, config_name: ConfigName = None, config_dir: ConfigDir = None
) -> None:
    """Print every problem of a configuration, or ok and the models it would load."""
    from guerdon.config.capacity import gigabytes
    from guerdon.config.check import examine
    from guerdon.errors import ConfigError

    report, _ = examine(require_name(config_name), overrides or (), config_dir)
    for line in report.warnings:
        typer.echo(f"warning: {line}", err=True)
    if report.problems:
        raise ConfigError(report.problems)
    if report.sizes:
        typer.echo(f"{'model':<12} {'parameters':>14} {'files':>10}  path")
    for size in report.sizes:
        numbers = f"{size.num_parameters:>14,} {gigabytes(size.num_bytes):>10}"
        typer.echo(f"{size.role:<12} {numbers}  {size.path}")
    typer.echo("ok")
