"""Qwen2.5-Math's example for reward models: eight solutions to each MATH problem, labelled by an
exact comparison.

Source: QwenLM/Qwen2.5-Math, ``evaluation/data/eval_rm_maj_example/math_cot_100.jsonl``.
"""

from __future__ import annotations

from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import question, to_label
from guerdon.data.readers import Row, each_row


def read(path: Path) -> list[Labelled]:
    """Read the file; the domain of a task is its level.

    Raises:
        ConfigError: a row is malformed; names file and row.
    """
    return [one for several in each_row(path, _solutions) for one in several]


def _solutions(row: Row) -> list[Labelled]:
    task = question(row.values["question"], row.values["gt"], row.values["level"])
    pairs = zip(row.values["code"], row.values["score"], strict=True)
    return [Labelled(task, (solution,), to_label(score)) for solution, score in pairs]
