"""`guerdon export`: a run's policy as a plain Hugging Face directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write; must not exist.")],
    step: Annotated[
        int | None, typer.Option("--step", help="Which checkpoint; default: the best one.")
    ] = None,
) -> None:
    """Write a run's policy, LoRA merged, where transformers can load it."""
    from guerdon.config.compose import run_file
    from guerdon.errors import ConfigError

    run_file(run)
    if out.exists():
        raise ConfigError(f"--out {out}: exists; name a new folder")

    from guerdon.learner.checkpoint import export_policy
    from guerdon.runs import reader
    from guerdon.train import checkpoints

    chosen = checkpoints.best(run)
    if step is not None:
        found = {reader.step_of(path): path for path in reader.checkpoints(run)}
        if step not in found:
            kept = ", ".join(map(str, found))
            raise ConfigError(f"--step {step}: {run} has no such checkpoint; it has {kept}")
        chosen = found[step]
    export_policy(chosen, out)
    typer.echo(f"{chosen} -> {out}")
