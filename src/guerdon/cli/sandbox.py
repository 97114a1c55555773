"""`guerdon sandbox`: does the sandbox hold on this machine?"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from guerdon.sandbox.check import Finding

sandbox = typer.Typer(help="What runs code that a model wrote.", no_args_is_help=True)


class Tried(StrEnum):
    """Levels that can be tried without anything else."""

    bubblewrap = "bubblewrap"
    subprocess = "subprocess"


@sandbox.callback()
def options() -> None:
    """What runs code that a model wrote."""


@sandbox.command()
def check(
    level: Annotated[
        Tried, typer.Option("--level", help="subprocess: see what it does not hold.")
    ] = Tried.bubblewrap,
    is_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
) -> None:
    """Try to break each promise of the sandbox; a line each. Fails if one is not held."""
    from guerdon.sandbox.check import check as try_all

    findings = try_all(level.value)
    for line in _lines(level.value, findings):
        typer.echo(line)
    if is_json:
        attacks = [{"name": finding.name, "held": finding.held} for finding in findings]
        typer.echo(json.dumps({"level": level.value, "attacks": attacks}))
    if not all(finding.held for finding in findings):
        raise typer.Exit(1)


def _lines(level: str, findings: list[Finding]) -> list[str]:
    width = max(len(finding.name) for finding in findings)
    lines = [
        f"{'held' if each.held else 'NOT HELD':<8}  {each.name:<{width}}  {each.promise} "
        f"({each.seen})"
        for each in findings
    ]
    failed = [finding.name for finding in findings if not finding.held]
    summary = f"level {level}: {len(findings) - len(failed)} of {len(findings)} held"
    return [*lines, f"{summary}; not held: {', '.join(failed)}" if failed else summary]
