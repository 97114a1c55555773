"""HumanEval: functions to complete from their docstring, with a ``check(candidate)``.

Formats: the original JSON lines (also compressed) and the hub's rows; AFlow's. Public tests are the
examples of the docstring that the check does not hold.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from guerdon.data.sets import checks
from guerdon.data.sets.record import HubSplits, PublicSet, Record, Split, has_keys, text_of

_WRONG_EXAMPLES = ("47", "116", "130")
"""Problems whose docstring gives values that its own reference solution does not."""


def read(row: Mapping[str, Any], split: Split) -> list[Record]:
    """The record of one row."""
    number = _number(row)
    prompt, entry_point = text_of(row, "prompt"), text_of(row, "entry_point")
    solution = prompt + text_of(row, "canonical_solution")
    test = text_of(row, "test").replace("\r\n", "\n")
    public = [] if number in _WRONG_EXAMPLES else checks.examples(prompt, entry_point)
    shared = set(checks.overlap(test, public))
    return [
        Record(
            id=f"humaneval/{number}",
            dataset="humaneval",
            domain="code",
            question=prompt,
            reference_answer=solution,
            answer_type="code",
            entry_point=entry_point,
            test=test,
            hidden_test=test,
            public_tests=tuple(one for one in public if one not in shared),
            setup=_helpers(solution, entry_point),
            split=split,
            metadata={"original_id": str(row["task_id"])},
        )
    ]


def _number(row: Mapping[str, Any]) -> str:
    found = re.fullmatch(r"HumanEval[/_](\d+)", str(row.get("task_id", "")))
    if found is None:
        raise ValueError(f"task_id {row.get('task_id')!r} is not HumanEval/NUMBER")
    return found[1]


def _helpers(solution: str, entry_point: str) -> str:
    """What the prompt defines besides the function: some tests call it."""
    try:
        module = ast.parse(solution)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"the canonical solution cannot be parsed: {error}") from None
    kept = [one for one in module.body if getattr(one, "name", "") != entry_point]
    return ast.unparse(ast.Module(kept, [])) if kept else ""


HUMANEVAL = PublicSet(
    "humaneval",
    "code",
    files=r"human.?eval",
    accepts=has_keys({"task_id", "prompt", "canonical_solution", "test", "entry_point"}),
    read=read,
    hub=HubSplits("openai/openai_humaneval", None, {"test": "test"}),
    held_out=True,
)
