"""GSM8K's example model solutions: four models' solutions to each problem, labelled by their final
number.

Source: openai/grade-school-math, ``example_model_solutions.jsonl``.
"""

from __future__ import annotations

from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import question, to_label
from guerdon.data.readers import Row, each_row

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def read(path: Path) -> list[Labelled]:
    """Read the file; the domain of a task is the model that answered it.

    Raises:
        ConfigError: a row is malformed; names file and row.
    """
    return [one for several in each_row(path, _solutions) for one in several]


def _solutions(row: Row) -> list[Labelled]:
    _, found, answer = row.values["ground_truth"].rpartition("A:")
    if not found or not answer.strip():
        raise ValueError("'ground_truth' does not end with a line 'A: NUMBER'")
    return [
        Labelled(
            question(row.values["question"], answer.strip(), model),
            (row.values[model]["solution"],),
            to_label(row.values[model]["is_correct"]),
        )
        for model in MODELS
    ]
