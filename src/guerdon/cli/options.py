"""Arguments that several subcommands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigName = Annotated[
    str | None,
    typer.Option("--config-name", "-c", help="A shipped configuration, or a path/to/file.yaml."),
]
ConfigDir = Annotated[
    Path | None,
    typer.Option("--config-dir", help="A folder of your own configurations; shipped ones stay."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="learner.lr=1e-5 sets, ~a.b removes, algorithm=ppo picks a group's file."),
]


def require_name(name: str | None) -> str:
    """The configuration's name, or a usage error that lists what there is."""
    if name is not None:
        return name
    from guerdon.config.compose import shipped
    from guerdon.errors import ConfigError

    raise ConfigError(
        f"--config-name is required; shipped: {', '.join(shipped())}; or a path/to/file.yaml"
    )
