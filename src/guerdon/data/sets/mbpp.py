"""MBPP: short functions from one sentence, with assertions.

Formats: the original JSON lines and the hub's rows (text, code, test_list), the sanitized ones and
AFlow's (prompt, entry_point), MBPP+ (assertion). The first assertion is public. Which split a
problem belongs to is in its number: 601 to 974 train, 511 to 600 validation, 11 to 510 test, the
rest prompts.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from guerdon.data.sets import checks
from guerdon.data.sets.record import HubSplits, PublicSet, Record, Split, has_keys, text_of


def read(row: Mapping[str, Any], split: Split) -> list[Record]:
    """The record of one row; the problem names the function to write."""
    number = _number(row)
    code = text_of(row, "code", "canonical_solution").replace("\r\n", "\n").replace("\r", "\n")
    asserts = _asserts(row)
    _refuse_objects(code, [*asserts, _setup(row)])
    entry_point = row.get("entry_point") or checks.called_function(asserts, code)
    signature = checks.signature(code, entry_point)
    question = text_of(row, "text", "prompt").strip()
    if "assertion" in row:  # MBPP+: a docstring that quotes a test
        question = question.strip('"\n').partition("\nassert ")[0].strip()
    if signature not in question and f"def {entry_point}(" not in question:
        question = f"{question}\n\n{signature}"
    test = checks.check_source(asserts, entry_point)
    setup = _setup(row)
    public = ("\n".join(filter(None, [setup, checks.as_candidate(asserts[0], entry_point)])),)
    hidden = checks.hidden_part(test, public)
    return [
        Record(
            id=f"mbpp/{number}",
            dataset="mbpp",
            domain="code",
            question=question,
            reference_answer=code,
            answer_type="code",
            entry_point=entry_point,
            test=test,
            hidden_test=hidden or test,
            public_tests=public if hidden else (),
            setup=setup,
            split=_split(number),
            metadata={"original_id": str(row["task_id"])},
        )
    ]


def _number(row: Mapping[str, Any]) -> int:
    number = str(row.get("task_id", "")).rpartition("/")[2]
    if not number.isdigit():
        raise ValueError(f"task_id {row.get('task_id')!r} is no number")
    return int(number)


def _asserts(row: Mapping[str, Any]) -> list[str]:
    """One assertion each."""
    given = row.get("test_list")
    text = "\n".join(map(str, given)) if isinstance(given, list) else text_of(row, "assertion")
    try:
        statements = ast.parse(text.replace("\r\n", "\n")).body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"tests that cannot be parsed: {error}") from None
    return [ast.unparse(one) for one in statements]


def _refuse_objects(code: str, tests: list[str]) -> None:
    """ValueError if tests make objects of a class of the solution: they cannot be given to a
    program that has no such class."""
    classes = {one.name for one in ast.parse(code).body if isinstance(one, ast.ClassDef)}
    used = {node.id for text in tests for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Name)}  # fmt: skip
    if classes & used:
        raise ValueError(f"its tests need the solution's own class {min(classes & used)}")


def _setup(row: Mapping[str, Any]) -> str:
    imports = row.get("test_imports") or ()
    lines = [str(row.get("test_setup_code") or ""), *map(str, imports)]
    return "\n".join(line for line in lines if line.strip()).replace("\r\n", "\n")


def _split(number: int) -> Split:
    if 601 <= number <= 974:
        return "train"
    return "validation" if 511 <= number <= 600 else "test" if number > 10 else "train"


MBPP = PublicSet(
    "mbpp",
    "code",
    files=r"mbpp",
    accepts=has_keys({"task_id", "code", "test_list"}, {"task_id", "prompt", "assertion"}),
    read=read,
    hub=HubSplits(
        "google-research-datasets/mbpp",
        "full",
        {"train": "train", "validation": "validation", "test": "test", "prompt": "train"},
    ),
)
