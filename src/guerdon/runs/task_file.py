"""Tasks as versioned JSON lines: what a checkpoint keeps of a pool that grew.

The first line says format, version and number; then a task a line. A file that is cut short or of
another version is refused, never read in part.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from guerdon.errors import CheckpointError
from guerdon.runs.schema import dump_line, task_from_json, task_to_json
from guerdon.types import Task

NAME = "tasks.jsonl"
FORMAT = "guerdon.tasks"
VERSION = 1


def write(path: Path, tasks: Sequence[Task]) -> None:
    """Write ``tasks`` in their order."""
    with path.open("w", encoding="utf-8") as file:
        file.write(dump_line({"format": FORMAT, "version": VERSION, "num_tasks": len(tasks)}))
        file.writelines(dump_line(task_to_json(task)) for task in tasks)


def read(path: Path) -> list[Task]:
    """The tasks that `write` wrote.

    Raises:
        CheckpointError: there is no such file, or it is not whole, or of another version.
    """
    try:
        head, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        header = json.loads(head)
        if (header["format"], header["version"]) != (FORMAT, VERSION):
            raise CheckpointError(
                f"{path} is {header['format']} version {header['version']}; this guerdon reads "
                f"{FORMAT} version {VERSION}"
            )
        tasks = [task_from_json(json.loads(line)) for line in lines]
        if len(tasks) != header["num_tasks"]:
            raise CheckpointError(
                f"{path} has {len(tasks)} of {header['num_tasks']} tasks: it was cut short"
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error!r}") from error
    return tasks
