"""Expressions of the language, computed: pure, small, and on plain values only."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from guerdon.workflow import ir

MAX_ITEMS = 1_000
MAX_WORK = 50_000
"""Of one program: a unit for each value computed, and for each thousand characters of it."""


class ProgramFailed(Exception):
    """The program did something its types do not rule out, or was never checked."""


class Evaluator:
    """Computes expressions; no text may grow beyond ``max_chars``."""

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._work = 0

    def value(self, node: ir.Expr, given: Mapping[str, Any]) -> Any:
        """The value of an expression.

        Raises:
            ProgramFailed: a variable is missing, values do not fit, an index is out of range, a
                text is too long.
        """
        try:
            found = self._compute(node, given)
        except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
            raise ProgramFailed(f"{type(error).__name__}: {str(error)[:200]}") from None
        return self._limited(found)

    def test(self, node: ir.Expr, given: Mapping[str, Any]) -> bool:
        """The value of a condition, which must be a Bool."""
        value = self.value(node, given)
        if not isinstance(value, bool):
            raise ProgramFailed(f"a condition is {type(value).__name__}, not Bool")
        return value

    def _limited(self, value: Any) -> Any:
        self._work += 1 + (len(value) // 1000 if isinstance(value, str) else 0)
        if self._work > MAX_WORK:
            raise ProgramFailed("too much to compute")
        if isinstance(value, str) and len(value) > self._max_chars:
            raise ProgramFailed(f"a text of {len(value)} characters; at most {self._max_chars}")
        if isinstance(value, list) and len(value) > MAX_ITEMS:
            raise ProgramFailed(f"a list of {len(value)} items; at most {MAX_ITEMS}")
        return value

    def _compute(self, node: ir.Expr, given: Mapping[str, Any]) -> Any:
        if isinstance(node, ir.Literal):
            return node.value
        if isinstance(node, ir.Ref):
            if node.name not in given:
                raise ProgramFailed(f"{node.name!r} is not defined")
            return given[node.name]
        if isinstance(node, ir.Field):
            record = self.value(node.record, given)
            return _record(record)[node.name]
        if isinstance(node, ir.Item):
            return _list(self.value(node.items, given))[node.index]
        if isinstance(node, ir.Join):
            return "".join(_text(self.value(part, given)) for part in node.parts)
        if isinstance(node, ir.ListOf):
            return [self.value(item, given) for item in node.items]
        if isinstance(node, ir.Plus):
            return _sum(self.value(node.left, given), self.value(node.right, given))
        if isinstance(node, ir.Compare):
            left, right = self.value(node.left, given), self.value(node.right, given)
            return _compare(left, node.operator, right)
        if isinstance(node, ir.Not):
            return not self.test(node.operand, given)
        if isinstance(node, ir.Logic):
            parts = (self.test(part, given) for part in node.operands)
            return all(parts) if node.operator == "and" else any(parts)
        if isinstance(node, ir.Choose):
            side = node.then if self.test(node.condition, given) else node.other
            return self.value(side, given)
        if isinstance(node, ir.Each):
            return self._each(node, given)
        return self._apply(node.function, [self.value(one, given) for one in node.arguments])

    def _each(self, node: ir.Each, given: Mapping[str, Any]) -> list[Any]:
        found = []
        for item in _list(self.value(node.items, given)):
            inner = {**given, node.var: item}
            if node.where is None or self.test(node.where, inner):
                found.append(self.value(node.value, inner))
        return found

    def _apply(self, function: str, values: list[Any]) -> Any:
        first, *rest = values
        if function == "len":
            return len(first)
        if function == "str":
            return _text(first)
        if not isinstance(first, str):
            raise ProgramFailed(f"{function}() of {type(first).__name__}")
        if function == "replace":  # bounded before it is built
            grown = first.count(rest[0]) * len(rest[1])
            if len(first) + grown > self._max_chars:
                raise ProgramFailed(f"replace() would make {len(first) + grown} characters")
            return first.replace(rest[0], rest[1])
        if function == "join":
            parts = _list(rest[0])
            if sum(len(part) + len(first) for part in parts) > self._max_chars:
                raise ProgramFailed(f"join() would make more than {self._max_chars} characters")
            return first.join(parts)
        return _METHODS[function](first, *rest)


_METHODS: dict[str, Callable[..., Any]] = {
    "strip": str.strip,
    "lower": str.lower,
    "upper": str.upper,
    "split": str.split,
    "startswith": str.startswith,
    "endswith": str.endswith,
}

_ORDERS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _record(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProgramFailed(f"a field of {type(value).__name__}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ProgramFailed(f"{type(value).__name__} where a list is wanted")
    return value


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ProgramFailed(f"a {type(value).__name__} where a text is wanted")
    return str(value)


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, dict) or isinstance(right, dict):
        raise ProgramFailed("'+' of results")
    return left + right


def _compare(left: Any, sign: str, right: Any) -> bool:
    if sign in ("in", "not in"):
        return (left in right) == (sign == "in")
    return bool(_ORDERS[sign](left, right))
