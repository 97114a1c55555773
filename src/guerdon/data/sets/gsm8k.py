"""GSM8K: school arithmetic, with the number behind ``####``.

Formats: the original JSON lines and the hub's rows (question, answer as a worked solution);
AFlow's (the bare number in answer, the solution in cot).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from guerdon.data.sets.record import HubSplits, PublicSet, Record, Split, digest, has_keys, text_of

_FINAL = re.compile(r"^####\s*(\S.*?)\s*$", re.MULTILINE)


def read(row: Mapping[str, Any], split: Split) -> list[Record]:
    """The record of one row."""
    question, answer = text_of(row, "question"), text_of(row, "answer")
    finals = _FINAL.findall(answer)
    number = finals[-1] if finals else answer.strip()
    if not re.fullmatch(r"[-+]?[\d,]*\.?\d+", number):
        raise ValueError(f"the answer {number[:40]!r} is no number")
    key = digest(question)
    return [
        Record(
            id=f"gsm8k/{key}",
            dataset="gsm8k",
            domain="math",
            question=question.strip(),
            reference_answer=number,
            answer_type="numeric",
            split=split,
            metadata={"original_id": str(row.get("id", "")),
                      "solution": answer if finals else str(row.get("cot", ""))},
        )
    ]  # fmt: skip


GSM8K = PublicSet(
    "gsm8k",
    "math",
    files=r"gsm8k|grade.school.math",
    accepts=has_keys({"question", "answer"}),
    read=read,
    hub=HubSplits("openai/gsm8k", "main", {"train": "train", "test": "test"}),
)
