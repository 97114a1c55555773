"""Environments by name: YAML files of conf/env, or one's own, with ``env`` and ``tasks``."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guerdon.config.build import Assembly
from guerdon.config.compose import SHIPPED, compose
from guerdon.errors import ConfigError

FOLDER = SHIPPED / "env"


def load_environment(name: str, overrides: Sequence[str] = ()) -> tuple[Any, Any]:
    """The environment and the task source of a name.

    Args:
        name: one of conf/env, another shipped configuration, or a path/to/file.yaml with the
            sections ``env`` and ``tasks``.
        overrides: ``env.max_turns=5``, ``tasks.num_held_out=50`` ...

    Raises:
        ConfigError: there is no such environment, or it cannot be built; lists every problem.
    """
    values = compose(_file(name), overrides)
    missing = [section for section in ("env", "tasks") if section not in values]
    if missing:
        raise ConfigError(f"environment {name!r} has no section {' and '.join(missing)}")
    assembly = Assembly()
    found = [assembly.component(values[section], section, {}) for section in ("env", "tasks")]
    if assembly.problems:
        raise ConfigError([f"{name}: {line}" for line in assembly.problems])
    return found[0], found[1]


def _file(name: str) -> str | Path:
    if name.endswith((".yaml", ".yml")) or (SHIPPED / f"{name}.yaml").is_file():
        return name
    if (FOLDER / f"{name}.yaml").is_file():
        return f"env/{name}"
    known = [file.stem for file in FOLDER.glob("*.yaml")]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(known))}"
    raise ConfigError(f"environment {name!r}: no such environment; {hint}")
