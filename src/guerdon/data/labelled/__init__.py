"""Responses that people, or exact checks, have labelled: what a reward is measured against.

One file per data set, each with ``read(path: Path) -> list[Labelled]`` for the files as they are
published. A row that cannot be read is a `ConfigError` naming file and row.
"""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.types import Task


@dataclass(frozen=True, slots=True)
class Labelled:
    """A task, responses to it, and what somebody trustworthy says of them.

    One response: ``label`` is its worth ("1" right, "0" wrong, or a scale of the data set's own).
    Two responses: ``label`` is the better one, "1" or "2" by its place, or "tie".
    """

    task: Task
    responses: tuple[str, ...]
    label: str
