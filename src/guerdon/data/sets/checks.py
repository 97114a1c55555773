"""Tests of programming problems as source: which of them are public, which stay hidden.

Everything here reads text with `ast`; nothing runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

CANDIDATE = "candidate"
"""What tests call the function under test."""

_ARROWS = re.compile(r"(?:==>|=>|==|->|➞|=|[Rr]eturns?|is|➡|# ?=>)")


def check_source(asserts: Iterable[str], entry_point: str) -> str:
    """``def check(candidate)`` with these lines, calling the candidate in the function's place.

    Raises:
        ValueError: a line cannot be parsed, or there is none.
    """
    lines = [as_candidate(line, entry_point) for line in asserts]
    if not lines:
        raise ValueError("it has no tests")
    body = "\n".join(f"    {row}" for line in lines for row in line.splitlines())
    return f"def check({CANDIDATE}):\n{body}\n"


def as_candidate(code: str, entry_point: str) -> str:
    """Code with the function's name replaced.

    Raises:
        ValueError: it cannot be parsed.
    """
    return ast.unparse(_Renamed(entry_point).visit(_parsed(code)))


def hidden_part(test: str, public: Sequence[str]) -> str:
    """A ``check`` without the public tests; "" if nothing would be left of it."""
    shown = _asserted(public)
    module = _parsed(test)
    for function in module.body:
        if isinstance(function, ast.FunctionDef) and function.name == "check":
            kept = [
                one
                for one in function.body
                if not (isinstance(one, ast.Assert) and ast.dump(one.test) in shown)
            ]
            if not any(isinstance(node, ast.Assert) for one in kept for node in ast.walk(one)):
                return ""
            function.body = kept
    return ast.unparse(module) + "\n"


def overlap(test: str, public: Sequence[str]) -> list[str]:
    """The public tests that a ``check`` holds, too."""
    held = _asserted([test])
    return [line for line in public if _asserted([line]) & held]


def _asserted(tests: Iterable[str]) -> set[str]:
    """What tests assert, without the messages."""
    return {ast.dump(node.test) for test in tests for node in ast.walk(_parsed(test))
            if isinstance(node, ast.Assert)}  # fmt: skip


def called_function(asserts: Sequence[str], code: str) -> str:
    """The function of ``code`` that the tests call.

    Raises:
        ValueError: they call none of it.
    """
    defined = [one.name for one in _parsed(code).body if isinstance(one, ast.FunctionDef)]
    for line in asserts:
        names = [node.func.id for node in ast.walk(_parsed(line))
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]  # fmt: skip
        for name in names:
            if name in defined:
                return name
    raise ValueError(f"the tests call no function of the code ({', '.join(defined) or 'none'})")


def signature(code: str, entry_point: str) -> str:
    """``def name(a, b=1):`` of a function in ``code``."""
    for one in _parsed(code).body:
        if isinstance(one, ast.FunctionDef) and one.name == entry_point:
            return f"def {entry_point}({ast.unparse(one.args)}):"
    raise ValueError(f"the code defines no {entry_point}")


def examples(text: str, entry_point: str) -> list[str]:
    """The examples in a description, ``f(1) => 2`` or ``>>> f(1)`` and the value, as tests.

    Only those whose arguments and value are literals.
    """
    lines = [line.strip() for line in text.splitlines()]
    found = []
    for number, line in enumerate(lines):
        at = line.find(f"{entry_point}(")
        if at < 0 or line.startswith("def "):
            continue
        for end in (i + 1 for i, char in enumerate(line) if char == ")" and i > at):
            call, rest = line[at:end], line[end:].strip()
            arrow = _ARROWS.match(rest)
            if not rest and line.startswith(">>>") and number + 1 < len(lines):
                value = lines[number + 1]
            elif arrow:
                value = rest[arrow.end() :].strip()
            else:
                continue
            test = _as_test(call, value)
            if test is not None:
                found.append(test)
                break
    return list(dict.fromkeys(found))


def _as_test(call: str, value: str) -> str | None:
    """An assertion, if both sides are literals; a remark may follow the value."""
    try:
        node = ast.parse(call, mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return None
        for argument in [*node.args, *(each.value for each in node.keywords)]:
            ast.literal_eval(argument)
        node.func.id = CANDIDATE
    except (ValueError, SyntaxError):
        return None
    for text in (value, value.rstrip(".;,"), value.split("#")[0].strip(), value.split("  ")[0]):
        try:
            expected = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            continue
        return f"assert {ast.unparse(node)} == {expected!r}"
    return None


class _Renamed(ast.NodeTransformer):
    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(CANDIDATE, node.ctx), node) if (
            node.id == self._name
        ) else node  # fmt: skip


def _parsed(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"code that cannot be parsed: {error}") from None
