"""Public tests, which a workflow may run, and hidden ones, which its reward runs: never the same.

Tests are compared by what they assert, not by how they are written.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from typing import Any

from guerdon.errors import ConfigError
from guerdon.types import Task

CANDIDATE = "candidate"
"""What a test may call the function instead of its name."""


def public_tests(task: Task) -> tuple[str, ...]:
    """The tests in ``task.info["public_tests"]``, lines of Python each.

    Raises:
        ConfigError: they have another form, or the task has no entry point to test.
    """
    found = task.info.get("public_tests") or ()
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise ConfigError(f"task {task.id!r}: info['public_tests'] must be a list of texts")
    if found and not str(task.info.get("entry_point", "")).isidentifier():
        raise ConfigError(f"task {task.id!r} has public tests, and info['entry_point'] is no name")
    return tuple(found)


def overlap(task: Task) -> list[str]:
    """The public tests of a task that its hidden tests hold, too; they must be none."""
    name = str(task.info.get("entry_point", ""))
    hidden = {key for test in _hidden(task) for key in _asserted(test, name)}
    return [test for test in public_tests(task) if hidden & set(_asserted(test, name))]


def _hidden(task: Task) -> Iterator[str]:
    """Hidden tests as lines of Python, in whichever form the task has them."""
    found = task.info.get("tests", task.answer)
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            found = [found]
    if isinstance(found, Mapping):
        found = _rows(found)
    for one in found if isinstance(found, list | tuple) else ():
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping) and "expected" in one:
            given = [repr(value) for value in one.get("args", ())]
            given += [f"{key}={value!r}" for key, value in dict(one.get("kwargs", {})).items()]
            yield f"assert {CANDIDATE}({', '.join(given)}) == {one['expected']!r}"


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    pairs = zip(columns.get("inputs", ()), columns.get("outputs", ()), strict=False)
    return [{"args": given, "expected": expected} for given, expected in pairs
            if isinstance(given, list)]  # fmt: skip


def _asserted(test: str, name: str) -> Iterator[str]:
    """What a test asserts, however it is laid out; a test that cannot be parsed as it stands."""
    try:
        tree = ast.parse(test)
    except (SyntaxError, ValueError, RecursionError):
        yield test.strip()
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            node.id = CANDIDATE
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield ast.unparse(node.test)
