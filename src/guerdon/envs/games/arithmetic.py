"""Arithmetic on text: parsed, walked and computed exactly; nothing is ever evaluated as Python."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from fractions import Fraction

MAX_CHARS = 200
MAX_DIGITS = 30
"""Of a number in an expression, and of numerator or denominator of a result."""

_OPERATIONS: dict[type[ast.operator], tuple[str, Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: ("+", lambda a, b: a + b),
    ast.Sub: ("-", lambda a, b: a - b),
    ast.Mult: ("*", lambda a, b: a * b),
    ast.Div: ("/", lambda a, b: a / b),
}
_SPELLINGS = str.maketrans({0xD7: "*", 0xB7: "*", 0xF7: "/", 0x2212: "-", 0x2013: "-"})
"""Times, middle dot, obelus, minus, dash."""


class NotArithmetic(ValueError):
    """The text is no expression of whole numbers, + - * / and brackets, or has no value."""


def evaluate(text: str) -> tuple[Fraction, tuple[int, ...]]:
    """The value of an expression and the numbers in it, from left to right.

    Raises:
        NotArithmetic: it cannot be read or computed; the message says why, shortly.
    """
    text = text.translate(_SPELLINGS).strip()
    if not text or len(text) > MAX_CHARS:
        raise NotArithmetic("too long" if text else "empty")
    try:
        with warnings.catch_warnings():  # what a model wrote is not our syntax warning
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotArithmetic("not an expression") from None
    found: list[int] = []
    return _value(tree.body, found), tuple(found)


def shown(value: Fraction) -> str:
    """A number as people write it: 7, 2.5, or 1/3 where decimals do not end."""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = next(n for n in range(1, MAX_CHARS * 4) if (value * 10**n).denominator == 1)
    whole, part = divmod(abs(value.numerator) * 10**digits // value.denominator, 10**digits)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{digits}d}"


def _value(node: ast.expr, found: list[int]) -> Fraction:
    if isinstance(node, ast.Constant):
        if type(node.value) is not int or abs(node.value) >= 10**MAX_DIGITS:
            raise NotArithmetic("only whole numbers of reasonable size")
        found.append(node.value)
        return Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, found)
    if not isinstance(node, ast.BinOp) or type(node.op) not in _OPERATIONS:
        raise NotArithmetic("only + - * / and brackets")
    left, right = _value(node.left, found), _value(node.right, found)
    try:
        result = _OPERATIONS[type(node.op)][1](left, right)
    except ZeroDivisionError:
        raise NotArithmetic("division by zero") from None
    if max(abs(result.numerator), result.denominator) >= 10**MAX_DIGITS:
        raise NotArithmetic("the numbers get too large")
    return result
