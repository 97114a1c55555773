"""Which reader a file of labelled responses wants: by name, or by what its first row looks like."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import Columns
from guerdon.data.labelled.rows import read as read_rows
from guerdon.data.readers import read_file
from guerdon.errors import ConfigError

ROWS = "rows"
"""The format of any other file: see `rows.Columns`."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a published set is known, and which files of its folder are read."""

    keys: frozenset[str]
    """Only its rows have all of these."""
    files: tuple[str, ...] = ()
    """(): its reader takes a folder, too."""


FORMATS = {
    "gsm8k_model_solutions": Format(
        frozenset({"question", "ground_truth", "6b_finetuning"}), ("example_model_solutions.jsonl",)
    ),
    "math_cot_100": Format(
        frozenset({"question", "gt", "code", "score", "level"}), ("math_cot_100.jsonl",)
    ),
    "evouna": Format(frozenset({"question", "golden_answer", "judge_fid"}), ("NQ.json", "TQ.json")),
    "nq301": Format(frozenset({"Question", "Model answer", "Acceptable?"}), ("NQ301_human.tsv",)),
    "llmbar": Format(frozenset({"input", "output_1", "output_2", "label"})),
    "pandalm": Format(frozenset({"instruction", "response1", "response2", "annotator1"})),
}
"""By name, which is that of the reader's module here."""


def read_labelled(
    path: Path, name: str | None = None, columns: Columns | None = None
) -> list[Labelled]:
    """Labelled responses of a file, or of the folder of a published set.

    Args:
        name: one of `FORMATS`, or "rows"; None: found by the keys of the first row, or by the name
            of the folder.
        columns: of the format "rows".

    Raises:
        ConfigError: no such file or format, or a malformed row.
    """
    if not path.exists():
        raise ConfigError(f"{path}: no such file")
    name = name or (path.name if path.is_dir() else recognise(path))
    if name == ROWS and path.is_file():
        found = read_rows(path, columns)
    elif name in FORMATS:
        reader = importlib.import_module(f"guerdon.data.labelled.{name}")
        files = [path / file for file in FORMATS[name].files] if path.is_dir() else []
        found = [one for file in files or [path] for one in reader.read(file)]
    else:
        known = ", ".join([*FORMATS, ROWS])
        raise ConfigError(f"{path}: no format {name!r}; give --format, one of: {known}")
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
    return next((name for name, form in FORMATS.items() if keys >= form.keys), ROWS)
