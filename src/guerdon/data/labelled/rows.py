"""Labelled responses from any JSON, JSONL or parquet file, columns named; and what the readers of
published sets share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guerdon.data.labelled import Labelled
from guerdon.data.readers import Row, each_row
from guerdon.data.rows import RowFormat, content_id, read_task
from guerdon.errors import ConfigError
from guerdon.types import Task

RIGHT = frozenset({"1", "1.0", "true", "yes", "right", "correct"})
WRONG = frozenset({"0", "0.0", "false", "no", "wrong", "incorrect"})


@dataclass(frozen=True, kw_only=True)
class Columns(RowFormat):
    """Which columns a file of labelled responses has. Prompt and answer are found as in
    ``RowFormat``."""

    response_key: str = "response"
    """A text, or a list of texts with a list of labels beside it."""
    label_key: str = "label"
    """Right or wrong as true/false, 1/0, yes/no; or any number, see ``right_at``; or other words,
    each a class of its own."""
    right_at: float | None = None
    """A number from which a label means right."""


def read(path: Path, columns: Columns | None = None) -> list[Labelled]:
    """Read one file whose rows hold a prompt, a response and a label.

    Raises:
        ConfigError: a column is missing or a row malformed; names file and row.
    """
    columns = columns or Columns()

    def labelled(row: Row) -> list[Labelled]:
        missing = [
            key for key in (columns.response_key, columns.label_key) if key not in row.values
        ]
        if missing:
            raise ValueError(f"no {missing[0]!r}; its keys: {', '.join(row.values)}")
        responses, labels = row.values[columns.response_key], row.values[columns.label_key]
        if isinstance(responses, str):
            responses, labels = [responses], [labels]
        if not isinstance(labels, list) or len(labels) != len(responses):
            raise ValueError("responses and labels differ in number")
        task = read_task(_without(row.values, columns), columns).task
        return [
            Labelled(task, (str(response),), to_label(label, columns.right_at))
            for response, label in zip(responses, labels, strict=True)
        ]

    return [one for several in each_row(path, labelled) for one in several]


def question(text: str, answer: str | None, domain: str, **info: Any) -> Task:
    """A task of one user message."""
    prompt = ({"role": "user", "content": text},)
    return Task(content_id(prompt, answer), prompt, answer, domain, info)  # type: ignore[arg-type]


def text_of(row: Row, name: str) -> str:
    """A field that holds text; a word that a spreadsheet took for a truth value is that word."""
    value = row.values[name]
    if isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {value!r}")
    return value


def to_label(value: Any, right_at: float | None = None) -> str:
    """``"1"`` for right, ``"0"`` for wrong, or the word itself.

    Raises:
        ValueError: there is no label, or none that can be compared with ``right_at``.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)) or value == "":
        raise ValueError("the label is empty")
    word = str(value).strip().casefold()
    if right_at is not None:
        try:
            return "1" if float(value) >= right_at else "0"
        except (TypeError, ValueError):
            raise ValueError(f"the label {value!r} is not a number") from None
    return "1" if word in RIGHT else "0" if word in WRONG else str(value).strip()


def _without(values: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """The row without response and label: neither belongs into ``task.info``, which a reward may
    read."""
    hidden = {columns.response_key, columns.label_key}
    return {key: value for key, value in values.items() if key not in hidden}


def need(condition: object, path: Path, what: str) -> None:
    """Raise a ``ConfigError`` that names the file unless ``condition`` holds."""
    if not condition:
        raise ConfigError(f"{path}: {what}")
