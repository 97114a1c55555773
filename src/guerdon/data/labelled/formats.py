"""Which reader a file of labelled responses wants: by name, or by what its first row looks like."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import Columns
from guerdon.data.labelled.rows import read as read_rows
from guerdon.data.readers import read_file
from guerdon.errors import ConfigError

ROWS = "rows"
"""The format of any other file: see `rows.Columns`."""

KEYS: dict[str, Collection[str]] = {
    "gsm8k_model_solutions": {"question", "ground_truth", "6b_finetuning"},
    "math_cot_100": {"question", "gt", "code", "score", "level"},
    "evouna": {"question", "golden_answer", "judge_fid"},
    "nq301": {"Question", "Model answer", "Acceptable?"},
    "llmbar": {"input", "output_1", "output_2", "label"},
    "pandalm": {"instruction", "response1", "response2", "annotator1"},
}
"""Format, which is the name of its module here, and keys that only its rows have."""


def read_labelled(
    path: Path, name: str | None = None, columns: Columns | None = None
) -> list[Labelled]:
    """Labelled responses of a file.

    Args:
        name: one of ``KEYS``, or "rows"; None: found by the keys of the first row.
        columns: of the format "rows".

    Raises:
        ConfigError: no such file or format, or a malformed row.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    name = name or recognise(path)
    if name == ROWS:
        found = read_rows(path, columns)
    elif name in KEYS:
        found = importlib.import_module(f"guerdon.data.labelled.{name}").read(path)
    else:
        known = ", ".join([*KEYS, ROWS])
        raise ConfigError(f"--format {name}: no such format; there are: {known}")
    if not found:
        raise ConfigError(f"{path}: no labelled response in it")
    return found


def recognise(path: Path) -> str:
    """The format of a file; "rows" if it is none of the published ones."""
    if path.suffix == ".tsv":
        with path.open(encoding="utf-8") as file:
            keys = set(file.readline().rstrip("\n").split("\t"))
    else:
        rows = read_file(path).rows
        keys = set(rows[0].values) if rows else set()
    return next((name for name, needed in KEYS.items() if keys >= set(needed)), ROWS)
