"""What the readers of pairs share: rows in, pairs of responses with the better one out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from guerdon.data.labelled import Labelled
from guerdon.data.readers import read_file, refuse_bad_rows
from guerdon.data.rows import content_id
from guerdon.types import Message, Task

Values = Mapping[str, Any]


def read_pairs(file: Path, read_row: Callable[[Values], Labelled]) -> list[Labelled]:
    """Each row of a JSON file as ``read_row`` reads it, which may raise KeyError or ValueError.

    Raises:
        ConfigError: the file or some rows cannot be read; the first ones are named.
    """
    table = read_file(file)
    found, bad = [], list(table.bad_rows)
    for row in table.rows:
        try:
            found.append(read_row(row.values))
        except KeyError as error:
            bad.append(f"{row.where}: no {error}; its keys: {', '.join(row.values)}")
        except ValueError as error:
            bad.append(f"{row.where}: {error}")
    refuse_bad_rows(table.name, len(table.rows) + len(table.bad_rows), bad, 0)
    return found


def asking(prompt: str, domain: str) -> Task:
    """A task of one user message."""
    message: Message = {"role": "user", "content": prompt}
    return Task(content_id((message,), None), (message,), domain=domain)


def text_of(values: Values, name: str) -> str:
    """A field that holds text; a word that a spreadsheet took for a truth value is that word."""
    value = values[name]
    if isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {value!r}")
    return value
