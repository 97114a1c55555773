"""LLMBar: pairs of outputs to an instruction, of which experts agree that one is better.

Source: princeton-nlp/LLMBar, ``Dataset/*/dataset.json`` (arXiv:2310.07641).
"""

from __future__ import annotations

from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.pairs import Values, asking, read_pairs, text_of
from guerdon.types import Task

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
        found += read_pairs(file, lambda values, name=domain: _pair(values, name))  # type: ignore[misc]
    return found


def _pair(values: Values, domain: str) -> Labelled:
    label = values["label"]
    if type(label) is not int or label not in (1, 2):
        raise ValueError(f"label must be 1 or 2, got {label!r}")
    task: Task = asking(text_of(values, "input"), domain)
    return Labelled(task, (text_of(values, "output_1"), text_of(values, "output_2")), str(label))
