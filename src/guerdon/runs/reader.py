"""Read a run directory, complete or still growing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from guerdon.errors import ConfigError
from guerdon.runs.schema import episode_from_json
from guerdon.types import Episode


def read_run(folder: Path) -> dict[str, Any]:
    """The contents of run.json.

    Raises:
        ConfigError: there is none, so ``folder`` is no run directory.
    """
    path = Path(folder) / "run.json"
    if not path.exists():
        raise ConfigError(f"{folder} is not a run directory (no run.json); try runs/NAME")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, oldest first; [] before the first."""
    path = Path(folder) / "metrics.jsonl"
    return list(read_lines(path)) if path.exists() else []


def read_episodes(folder: Path, step: int, part: str = "episodes") -> Iterator[Episode]:
    """The episodes of one step, in the order they were collected."""
    for record in read_lines(Path(folder) / part / f"step_{step:06d}.jsonl"):
        yield episode_from_json(record)


def read_audit(folder: Path) -> list[dict[str, Any]]:
    """What a second reward said of some episodes, oldest step first; [] without an audit."""
    files = sorted((Path(folder) / "audit").glob("step_*.jsonl"), key=lambda p: step_of(p) or 0)
    return [record for path in files for record in read_lines(path)]


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first. A checkpoint is complete once it has its final name."""
    found = (Path(folder) / "checkpoints").glob("step_*")
    return sorted(path for path in found if step_of(path) is not None)


def step_of(path: Path) -> int | None:
    """20 for ``step_000020`` and ``step_000020.jsonl``; None for other and unfinished files."""
    match = re.fullmatch(r"step_(\d{6,})(\.jsonl)?", path.name)
    return int(match[1]) if match else None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Records of a JSON-lines file; a last line cut short by a kill is left out."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
