"""Values as text and back: what a model says an input or an output is, read as data.

A text is parsed, never evaluated: literals of plain types, and the few calls without which some
plain values cannot be written. Comparing is done on canonical encodings, in this process, so no
method of anybody's class has a say in it.
"""

from __future__ import annotations

import ast
import cmath
import math
import warnings
from typing import Any, Literal

from guerdon.sandbox import values

MAX_CHARS = 20_000
"""Of a text that is read at all."""
_MAX_BITS = 14_000
"""Of an integer: about the digits that Python turns into text."""

Numbers = Literal["exact", "equal"]
"""exact: 1, 1.0 and True are three values; equal: one, as in Python."""

_CONSTANTS = {"inf": math.inf, "nan": math.nan}
_FLOATS = {"inf", "+inf", "-inf", "infinity", "-infinity", "nan"}


class NotLiteral(Exception):
    """A text that does not say a plain value."""


def read_value(text: str) -> Any:
    """The value that ``text`` says.

    Literals of None, bool, int, float, complex, str, bytes, list, tuple, set and dict, and
    ``set()``, ``frozenset(...)``, ``dict(a=1)``, ``float("inf")``, ``inf`` and ``nan``.

    Raises:
        NotLiteral: it says something else, or too much.
    """
    return _value(_parse(text.strip()))


def read_arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, positional and by name, that ``text`` says: ``[1, 2], key="a"``.

    Raises:
        NotLiteral: it is not exactly one list of such arguments.
    """
    call = _parse(f"f(\n{text}\n)")
    # of "1) + f(2", which closes the bracket that was opened for it, the whole is no call of f
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise NotLiteral("it closes a bracket that is not its own")
    named: dict[str, Any] = {}
    for each in call.keywords:
        if each.arg is None:
            raise NotLiteral("arguments are written out, not unpacked")
        if each.arg in named:
            raise NotLiteral(f"{each.arg:.50} is given twice")
        named[each.arg] = _value(each.value)
    return [_value(each) for each in call.args], named


def canonical(value: Any, numbers: Numbers = "exact") -> str:
    """One text for each plain value; NaN is the same as NaN.

    Raises:
        values.NotPlain, values.TooLarge: it is no plain value, or too large a one.
    """
    return values.canonical(value if numbers == "exact" else _as_python_compares(value))


def same(one: Any, two: Any, numbers: Numbers = "exact") -> bool:
    """Whether two plain values are the same."""
    return canonical(one, numbers) == canonical(two, numbers)


def show(value: Any) -> str:
    """A plain value as `read_value` reads it; sets in an order that is always the same."""
    kind = type(value)
    if kind in (set, frozenset):
        members = ", ".join(show(item) for item in sorted(value, key=values.canonical))
        if not value:
            return f"{kind.__name__}()"
        return f"{{{members}}}" if kind is set else f"frozenset({{{members}}})"
    if kind is list:
        return f"[{', '.join(map(show, value))}]"
    if kind is tuple:
        return f"({show(value[0])},)" if len(value) == 1 else f"({', '.join(map(show, value))})"
    if kind is dict:
        return f"{{{', '.join(f'{show(key)}: {show(item)}' for key, item in value.items())}}}"
    if kind is float and not math.isfinite(value):
        return f"float({str(value)!r})"
    if kind is complex:  # a sum loses the sign of a zero, and has no infinities
        text = repr(value)
        is_sum = cmath.isfinite(value) and same(read_value(text), value)
        return text if is_sum else f"complex({show(value.real)}, {show(value.imag)})"
    return repr(value)


def show_arguments(args: list[Any], kwargs: dict[str, Any]) -> str:
    """Arguments as `read_arguments` reads them."""
    return ", ".join([*map(show, args), *(f"{key}={show(item)}" for key, item in kwargs.items())])


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_CHARS:
        raise NotLiteral(f"more than {MAX_CHARS} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a backslash that escapes nothing
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise NotLiteral(f"not Python: {error!s:.100}") from error


def _value(node: ast.expr, depth: int = 0) -> Any:
    if depth > values.MAX_DEPTH:
        raise NotLiteral("nested too deep")
    deeper = depth + 1
    match node:
        case ast.Constant(value=constant) if constant is not ...:
            if isinstance(constant, int) and constant.bit_length() > _MAX_BITS:
                raise NotLiteral("an integer of too many digits")
            return constant
        case ast.List(elts=items):
            return [_value(item, deeper) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item, deeper) for item in items)
        case ast.Set(elts=items):
            return _hashed(set, [_value(item, deeper) for item in items])
        case ast.Dict(keys=keys, values=items) if None not in keys:
            pairs = zip(keys, items, strict=True)
            return _hashed(dict, [(_value(k, deeper), _value(v, deeper)) for k, v in pairs if k])
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            number = _number(_value(operand, deeper))
            return -number if isinstance(sign, ast.USub) else number
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            return _complex(_value(left, deeper), _value(right, deeper), sign)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=named):
            return _called(name, args, named, deeper)
    raise NotLiteral(f"{type(node).__name__} is not a literal")


def _called(name: str, args: list[ast.expr], named: list[ast.keyword], depth: int) -> Any:
    """One of the calls that stand for a value."""
    if name == "dict" and not args and all(each.arg for each in named):
        return {str(each.arg): _value(each.value, depth) for each in named}
    inside = [_value(each, depth) for each in args]
    if name == "complex" and [type(part) for part in inside] == [float, float] and not named:
        return complex(*inside)
    if named or len(args) > 1 or name not in ("set", "frozenset", "float"):
        raise NotLiteral(f"a call of {name:.50} is not a literal")
    if name == "float":
        if not inside or not isinstance(inside[0], str) or inside[0].lower() not in _FLOATS:
            raise NotLiteral("float() of anything but inf and nan is not a literal")
        return float(inside[0])
    if inside and not isinstance(inside[0], (list, tuple, set, frozenset)):
        raise NotLiteral(f"{name}() of anything but members is not a literal")
    return _hashed({"set": set, "frozenset": frozenset}[name], inside[0] if inside else [])


def _hashed(kind: type, members: Any) -> Any:
    try:
        return kind(members)
    except TypeError as error:
        raise NotLiteral(str(error)) from error


def _number(value: Any) -> Any:
    if type(value) not in (int, float, complex):
        raise NotLiteral("a sign before what is no number")
    return value


def _complex(left: Any, right: Any, sign: ast.operator) -> complex:
    if type(left) not in (int, float) or type(right) is not complex:
        raise NotLiteral("a sum is not a literal")
    try:
        return left + right if isinstance(sign, ast.Add) else left - right
    except OverflowError as error:
        raise NotLiteral(str(error)) from error


def _as_python_compares(value: Any) -> Any:
    """The value with each number in the form of its first equal: True and 1.0 as 1."""
    kind = type(value)
    if kind is bool:
        return int(value)
    if kind is complex and value.imag == 0:
        return _as_python_compares(value.real)
    if kind is float and value.is_integer():
        return int(value)
    if kind in (list, tuple, set, frozenset):
        return kind(_as_python_compares(item) for item in value)
    if kind is dict:
        return {_as_python_compares(k): _as_python_compares(item) for k, item in value.items()}
    return value
