"""Where a task that a policy invented came from: kept in the task itself, as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from guerdon.types import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an invented task came from, and what it was found to be worth then."""

    score: float | None = None
    """How good the task is, in [0, 1]; None: nobody judged it."""
    difficulty: float | None = None
    """1 - the mean solve rate, in [0, 1]; None: nobody tried it."""
    parents: tuple[str, ...] = ()
    """Ids of the tasks its inventor was shown."""
    judge: str = ""
    """Who gave the score: a model's name, "sandbox"."""
    step: int = 0
    """The training step it joined in; set by the pool."""


def with_origin(task: Task, origin: Origin) -> Task:
    """The task with its origin in ``info["origin"]``."""
    saved = asdict(origin) | {"parents": list(origin.parents)}  # as JSON gives it back
    return replace(task, info={**task.info, "origin": saved})


def origin_of(task: Task) -> Origin | None:
    """Where an invented task came from; None: it is a seed."""
    saved = task.info.get("origin")
    return Origin(**{**saved, "parents": tuple(saved["parents"])}) if saved else None


def subject(task: Task) -> str:
    """What a task is about, for comparing: ``info["subject"]``, else the last user message.

    Environments put the problem alone there; the words around it would make all tasks look alike.
    """
    if "subject" in task.info:
        return str(task.info["subject"])
    said = [message["content"] for message in task.prompt if message["role"] == "user"]
    return said[-1] if said else ""


def reference(task: Task) -> dict[str, Any]:
    """A task as an example to show to an inventor of tasks: plain JSON, without its own origin."""
    info = {key: value for key, value in task.info.items() if key != "origin"}
    return {
        "id": task.id,
        "domain": task.domain,
        "subject": subject(task),
        "answer": task.answer,
        "info": info,
    }
