"""NQ301: systems' answers to 301 open questions, each judged acceptable or not by people.

Source: ehsk/OpenQA-eval, ``data/NQ301_human.tsv`` (arXiv:2305.06984). The table has no reference
answers; they are those of ``model_outputs/*.jsonl`` in the same folder.
"""

from __future__ import annotations

import csv
from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import need, question, to_label
from guerdon.data.readers import Row, convert_all, each_row


def read(path: Path) -> list[Labelled]:
    """Read the table; ``task.info["answers"]`` lists the references, ``task.answer`` is the first.

    Raises:
        ConfigError: a row is malformed, or references are missing; names file and row.
    """
    outputs = sorted((path.parent / "model_outputs").glob("*.jsonl"))
    need(outputs, path, f"reference answers are missing: {path.parent}/model_outputs/*.jsonl")
    golden: dict[str, list[str]] = {}
    for file in outputs:
        golden |= dict(each_row(file, lambda row: (row.values["question"], row.values["answer"])))

    def labelled(row: Row) -> Labelled:
        answers = golden.get(row.values["Question"])
        if not answers:
            raise ValueError("its question has no reference in model_outputs")
        task = question(row.values["Question"], answers[0], "nq301", answers=answers)
        return Labelled(task, (row.values["Model answer"],), to_label(row.values["Acceptable?"]))

    with path.open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = [Row(f"{path.name}:{number}", row) for number, row in enumerate(table, 2)]
    return convert_all(path.name, rows, labelled)
