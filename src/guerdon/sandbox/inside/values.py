"""Plain values as JSON and back: what may pass between a program and us.

Plain means exactly None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset and
dict (defaultdict, Counter and OrderedDict count as dict), nested at will. Types are tested by
identity and no method of a program's class is ever called, so an object with an `__eq__` or a
`__repr__` of its own cannot pass for anything. Standard library only: both sides import it.
"""

import json
import math
from collections import Counter, OrderedDict, defaultdict
from typing import Any

MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_HASHED = 20_000
"""Members of sets and keys of dicts in one value; numbers can be chosen to collide, and then time
grows with the square."""

_DICTS = (dict, defaultdict, Counter, OrderedDict)


class NotPlain(Exception):
    """A value that is not plain data, or an encoding that is not one of ours."""


class TooLarge(Exception):
    """A plain value that is nested too deep or has too many parts."""


def dumps(encoded: Any) -> str:
    """JSON text: ASCII, no spaces, no NaN."""
    try:
        return json.dumps(encoded, allow_nan=False, separators=(",", ":"))
    except ValueError as error:  # an integer of more digits than Python turns into text
        raise TooLarge(str(error)) from error


def loads(text: str | bytes) -> Any:
    """JSON text as data.

    Raises:
        NotPlain: it is not JSON.
        TooLarge: it is nested too deep, or holds a number of too many digits.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise NotPlain(f"not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise NotPlain("not UTF-8") from error
    except (RecursionError, ValueError) as error:
        raise TooLarge(str(error)) from error


def canonical(value: Any) -> str:
    """One text for each plain value, whatever the order of its sets and dicts. 1, 1.0 and True
    differ."""
    return dumps(_encode(value, 0, [0], True))


def encode(value: Any) -> Any:
    """A plain value as data that JSON can hold: lists, text and numbers stand for themselves, all
    else is an object of one key that names the type. A dict keeps its order.

    Raises:
        NotPlain: something in it is not plain data.
        TooLarge: see ``MAX_DEPTH`` and ``MAX_NODES``.
    """
    return _encode(value, 0, [0], False)


def _encode(value: Any, depth: int, count: list[int], is_sorted: bool) -> Any:
    kind = type(value)
    count[0] += 1
    if depth > MAX_DEPTH or count[0] > MAX_NODES:
        raise TooLarge("the value is nested too deep or has too many parts")
    if value is None or kind is bool or kind is int or kind is str:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is complex:
        return {
            "complex": [_encode(part, depth, count, False) for part in (value.real, value.imag)]
        }
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind in _DICTS:
        pairs = [
            [_encode(part, depth + 1, count, is_sorted) for part in pair]
            for pair in dict.items(value)
        ]
        return {"dict": sorted(pairs, key=lambda pair: dumps(pair[0])) if is_sorted else pairs}
    if kind not in (list, tuple, set, frozenset):
        raise NotPlain(f"{kind.__name__!s:.100} is not plain data")
    items = [_encode(item, depth + 1, count, is_sorted) for item in value]
    if kind is list:
        return items
    return {kind.__name__: items if kind is tuple else sorted(items, key=dumps)}


def decode(encoded: Any) -> Any:
    """The value that ``encode`` gave this data for.

    Raises:
        NotPlain, TooLarge: as ``encode``.
    """
    return _decode(encoded, 0, [0, 0])


def _decode(data: Any, depth: int, count: list[int]) -> Any:
    count[0] += 1
    if depth > 2 * MAX_DEPTH or count[0] > 3 * MAX_NODES:
        raise TooLarge("the value is nested too deep or has too many parts")
    if isinstance(data, list):
        return [_decode(item, depth + 1, count) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise NotPlain("an encoded object has one key")
    [(kind, inside)] = data.items()
    try:
        return _typed(kind, inside, depth, count)
    except (TypeError, ValueError) as error:
        raise NotPlain(f"not an encoded {kind!s:.20}: {error}") from error


def _typed(kind: str, inside: Any, depth: int, count: list[int]) -> Any:
    if kind == "float" and inside in ("inf", "-inf", "nan"):
        return float(inside)
    if kind == "bytes":
        return bytes.fromhex(inside)
    if kind == "complex":
        real, imag = (_decode(part, depth, count) for part in inside)
        return complex(float(real), float(imag))
    if kind not in ("tuple", "set", "frozenset", "dict") or not isinstance(inside, list):
        raise NotPlain(f"no plain type is called {kind!s:.20}")
    items = [_decode(item, depth + 1, count) for item in inside]
    if kind == "tuple":
        return tuple(items)
    count[1] += len(items)
    if count[1] > MAX_HASHED:
        raise TooLarge(f"sets and dicts of more than {MAX_HASHED} members")
    if kind == "dict":
        return {key: item for key, item in items}
    return set(items) if kind == "set" else frozenset(items)


def _no_constant(name: str) -> Any:
    raise NotPlain(f"{name} is not plain JSON")
