"""The record of one rollout: task, reply, run and reward, enough to score it again without a
server."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from guerdon.errors import ConfigError
from guerdon.types import Reward, Task
from guerdon.workflow.trace import Run, read_run

FORMAT = "guerdon-workflow-episode/1"


@dataclass(frozen=True)
class Record:
    """One rollout, read back. ``run`` is None where the program was invalid."""

    task: Task
    reply: str
    step: int
    run: Run | None
    reward: Reward


def write(
    folder: Path, task: Task, reply: str, step: int, seed: int, run: Run | None, reward: Reward
) -> Path:
    """Write a record; its name is the task's id and the rollout's seed."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", task.id).strip("-")[:60]
    file = folder / f"{slug}-{seed:016x}.json"
    kept = {
        "format": FORMAT,
        "task": {**asdict(task), "info": dict(task.info)},
        "reply": reply,
        "step": step,
        "reward": asdict(reward),
        "run": None if run is None else run.to_json(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
    return file


def is_record(text: str) -> bool:
    """Whether a file's text is a record, not the trace of a run alone."""
    return text.lstrip()[:200].startswith(f'{{"format": "{FORMAT}"')


def load(path: str | Path) -> Record:
    """Read a record.

    Raises:
        ConfigError: it is none.
    """
    try:
        kept: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        if kept["format"] != FORMAT:
            raise ValueError("another format")
        task = Task(**{**kept["task"], "prompt": tuple(kept["task"]["prompt"])})
        run = None if kept["run"] is None else read_run(kept["run"])
        return Record(task, kept["reply"], kept["step"], run, Reward(**kept["reward"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{str(path)!r} is no record of a workflow ({error})") from None
