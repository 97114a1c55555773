r"""MATH: competition problems, with the answer in the last ``\boxed{}`` of a worked solution.

Formats: the original file for each problem, lists or lines of the same keys (also JSONL under the
name ``.json``), MATH-500 (with answer, subject and unique_id), AFlow's, the hub's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guerdon.data.rows import last_boxed
from guerdon.data.sets.record import HubSplits, PublicSet, Record, Split, digest, has_keys, text_of


def read(row: Mapping[str, Any], split: Split) -> list[Record]:
    """The record of one row."""
    problem, solution = text_of(row, "problem"), text_of(row, "solution")
    given = row.get("answer")
    answer = given if isinstance(given, str) and given.strip() else last_boxed(solution)
    if not answer:
        raise ValueError(r"the solution has no \boxed{} answer")
    return [
        Record(
            id=f"math/{digest(problem)}",
            dataset="math",
            domain="math",
            question=problem.strip(),
            reference_answer=answer.strip(),
            answer_type="text",
            split=split,
            metadata={
                "original_id": str(row.get("unique_id", row.get("idx", ""))),
                "level": str(row.get("level", "")),
                "subject": str(row.get("type", row.get("subject", ""))),
                "solution": solution,
            },
        )
    ]


MATH = PublicSet(
    "math",
    "math",
    files=r"(^|[^a-z])math(500)?([^a-z]|$)|competition_math|hendrycks",
    accepts=has_keys({"problem", "solution"}),
    read=read,
    hub=HubSplits(
        "DigitalLearningGmbH/MATH-lighteval", "default", {"train": "train", "test": "test"}
    ),
)
