"""The tests of a programming task, as data: what goes in and what must come out.

A test is never run as code beside the program it tests, where the program could change it. So a
test that computes is not one of these.
"""

from __future__ import annotations

import ast
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guerdon.errors import RewardError
from guerdon.types import Task

_WRAPPERS: Mapping[str, Callable[[Any], Any]] = {
    "set": set, "sorted": sorted, "list": list, "tuple": tuple, "len": len, "frozenset": frozenset,
}  # fmt: skip
"""What a test may do to a value before it compares."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: a program's input and output, or a function's arguments and value."""

    expected: Any
    """All that is printed, or what is returned."""
    stdin: str = ""
    function: str | None = None
    """None: the whole program is run."""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    """Applied to the value first, the last one first: what stands around the call in ``assert
    set(f(x)) == {1}``."""
    is_json: bool = False
    """The value comes from JSON, which has no tuples: a tuple equals the list of its items."""

    def is_met(self, got: Any, tolerance: float) -> bool:
        """Whether a printed text or a value, made of plain types, is what is expected."""
        if self.function is None:
            return same_text(got, self.expected, tolerance)
        try:
            for name in reversed(self.wrappers):
                got = _WRAPPERS[name](got)
        except TypeError:  # a set of lists, a list of a number
            return False
        return same_value(got, self.expected, tolerance, tuples=not self.is_json)


def read_cases(task: Task) -> list[Case]:
    """The tests in ``task.info["tests"]``, or else in ``task.answer`` as JSON.

    One of
    - a list of ``{"input": text, "output": text}`` or of ``{"function": name, "args": [...],
      "kwargs": {...}, "expected": value}``;
    - ``{"inputs": [...], "outputs": [...]}``, with ``"fn_name"`` for a function;
    - a list of lines ``assert f(1, [2]) == 3`` with literals only.

    Raises:
        RewardError: there are none, or they have another form.
    """
    tests = task.info.get("tests", task.answer)
    try:
        if isinstance(tests, str):
            tests = json.loads(tests)
        if isinstance(tests, Mapping):
            cases = _columns(tests)
        else:
            cases = [_assertion(one) if isinstance(one, str) else _row(one) for one in tests or ()]
    except (KeyError, TypeError, ValueError, SyntaxError) as error:
        raise RewardError(f"task {task.id!r}: its tests cannot be read: {error!r}") from error
    if not cases:
        raise RewardError(f"task {task.id!r} has no tests")
    return cases


def same_text(got: str, expected: str, tolerance: float) -> bool:
    """Whether two outputs are equal but for space at the ends of lines and of the whole; numbers
    with a point may differ by ``tolerance``."""
    lines = [[line.rstrip() for line in text.strip().splitlines()] for text in (got, expected)]
    if lines[0] == lines[1]:
        return True
    words = [[line.split() for line in text] for text in lines]
    if [len(line) for line in words[0]] != [len(line) for line in words[1]]:
        return False
    flat = (itertools.chain.from_iterable(text) for text in words)
    return all(a == b or _close_words(a, b, tolerance) for a, b in zip(*flat, strict=True))


def same_value(got: Any, expected: Any, tolerance: float, *, tuples: bool = True) -> bool:
    """Equality of plain values as Python's, floats to within ``tolerance`` (relative or absolute),
    NaN equal to NaN.

    Args:
        tuples: a tuple differs from a list.
    """
    if isinstance(got, float) or isinstance(expected, float):
        return _close(got, expected, tolerance)
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        if (tuples and type(got) is not type(expected)) or len(got) != len(expected):
            return False
        pairs = zip(got, expected, strict=True)
        return all(same_value(a, b, tolerance, tuples=tuples) for a, b in pairs)
    if isinstance(expected, dict) and isinstance(got, dict):
        return got.keys() == expected.keys() and all(
            same_value(got[key], expected[key], tolerance, tuples=tuples) for key in expected
        )
    return bool(got == expected)


def _close(a: Any, b: Any, tolerance: float) -> bool:
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
        return False
    if a == b or (a != a and b != b):
        return True
    try:
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:  # an integer that no float holds
        return False


def _close_words(a: str, b: str, tolerance: float) -> bool:
    if "." not in b or max(len(a), len(b)) > 400:
        return False
    try:
        return _close(float(a), float(b), tolerance)
    except ValueError:
        return False


def _row(test: Mapping[str, Any]) -> Case:
    if "output" in test:
        return Case(str(test["output"]), stdin=str(test.get("input", "")))
    args, kwargs = tuple(test.get("args", ())), dict(test.get("kwargs", {}))
    function, expected = test["function"], test["expected"]
    return Case(expected, function=function, args=args, kwargs=kwargs, is_json=True)


def _columns(tests: Mapping[str, Sequence[Any]]) -> list[Case]:
    pairs = zip(tests["inputs"], tests["outputs"], strict=True)
    function = tests.get("fn_name")
    if not function:
        return [Case(_text(output), stdin=_text(input_)) for input_, output in pairs]
    return [
        Case(_value(output), function=str(function), args=tuple(_args(input_)), is_json=True)
        for input_, output in pairs
    ]


def _text(lines: Any) -> str:
    return "\n".join(map(str, lines)) if isinstance(lines, list) else str(lines)


def _args(inputs: Any) -> list[Any]:
    """Arguments as a list, or as text with one of them a line."""
    return [json.loads(line) for line in inputs.splitlines()] if isinstance(inputs, str) else inputs


def _value(output: Any) -> Any:
    return json.loads(output) if isinstance(output, str) else output


def _assertion(line: str) -> Case:
    [statement] = ast.parse(line.strip()).body
    if not isinstance(statement, ast.Assert):
        raise ValueError(f"not an assert: {line[:100]}")
    match statement.test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            expected = _literal(right)
        case ast.UnaryOp(op=ast.Not(), operand=left):
            expected = False
        case ast.Call() as left:
            expected = True
        case _:
            raise ValueError(f"not `assert f(...) == value`: {line[:100]}")
    wrappers: list[str] = []
    while isinstance(left, ast.Call) and isinstance(left.func, ast.Name):
        if left.func.id not in _WRAPPERS or len(left.args) != 1:
            args = tuple(_literal(each) for each in left.args)
            kwargs = {str(each.arg): _literal(each.value) for each in left.keywords}
            function = left.func.id
            return Case(expected, "", function, args, kwargs, tuple(wrappers))
        wrappers.append(left.func.id)
        left = left.args[0]
    raise ValueError(f"no call of a function by its name: {line[:100]}")


def _literal(node: ast.expr) -> Any:
    """A literal, or `set(...)` and the like of one."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return _WRAPPERS[node.func.id](_literal(node.args[0]))
    return ast.literal_eval(node)
