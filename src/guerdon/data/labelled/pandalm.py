"""PandaLM's test set: pairs of responses to an instruction, compared by three people.

Source: WeOpenML/PandaLM, ``data/testset-v1.json`` (arXiv:2306.05087).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import question, text_of
from guerdon.data.readers import Row, each_row

FILE = "testset-v1.json"
_LABELS = {0: "tie", 1: "1", 2: "2"}


def read(path: Path) -> list[Labelled]:
    """The pairs of the file, or of ``testset-v1.json`` in a folder.

    ``label`` is what at least two of the three annotators say: "1", "2" or "tie". A pair on which
    all three differ has none and is left out.

    Raises:
        ConfigError: no such file, or a row that is none of PandaLM's; names file and row.
    """
    found = each_row(path / FILE if path.is_dir() else path, _pair)
    return [one for one in found if one.label]


def _pair(row: Row) -> Labelled:
    votes = [row.values[f"annotator{i}"] for i in (1, 2, 3)]
    if any(type(vote) is not int or vote not in _LABELS for vote in votes):
        raise ValueError(f"annotators must say 0, 1 or 2, got {votes}")
    (vote, count), *_ = Counter(votes).most_common()
    instruction, given = text_of(row, "instruction"), text_of(row, "input")
    task = question(f"{instruction}\n\n{given}" if given else instruction, None, "pandalm")
    responses = (text_of(row, "response1"), text_of(row, "response2"))
    return Labelled(task, responses, _LABELS[vote] if count > 1 else "")
