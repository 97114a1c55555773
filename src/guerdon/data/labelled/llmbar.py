"""LLMBar: pairs of outputs to an instruction, of which experts agree that one is better.

Source: princeton-nlp/LLMBar, ``Dataset/*/dataset.json`` (arXiv:2310.07641).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import question, text_of
from guerdon.data.readers import Row, each_row

FILE = "dataset.json"


def read(path: Path) -> list[Labelled]:
    """The pairs of a ``dataset.json``, or of all such files under a folder.

    ``label`` is "1" or "2"; ``task.domain`` is the folder of the file, below ``path`` where that
    is a folder: ``LLMBar/Adversarial/Manual``.

    Raises:
        ConfigError: no such file, or a row that is none of LLMBar's; names file and row.
    """
    files = sorted(path.rglob(FILE)) if path.is_dir() else [path]
    found = []
    for file in files or [path / FILE]:
        below = file.parent.relative_to(path).as_posix() if path.is_dir() else "."
        domain = file.parent.name if below == "." else below
        found += each_row(file, partial(_pair, domain=domain))
    return found


def _pair(row: Row, domain: str) -> Labelled:
    label = row.values["label"]
    if type(label) is not int or label not in (1, 2):
        raise ValueError(f"label must be 1 or 2, got {label!r}")
    task = question(text_of(row, "input"), None, domain)
    return Labelled(task, (text_of(row, "output_1"), text_of(row, "output_2")), str(label))
