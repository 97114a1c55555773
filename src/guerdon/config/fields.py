"""Values against type annotations, by pydantic; every mismatch as one line that names the path.

env.reward.timeout_s: expected float, got 'abc'
learner.lrr: unknown field; did you mean 'lr'?
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from types import NoneType, UnionType
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from guerdon.config.secrets import FromEnv

MISSING = "???"
"""Stands where the user must give a value."""

_EXPECTED = {
    "float": "float",
    "int": "int",
    "bool": "bool",
    "string": "str",
    "list": "list",
    "tuple": "list",
    "dict": "mapping",
    "model": "mapping",
    "mapping": "mapping",
    "dataclass": "mapping",
    "none": "null",
}
"""First word of a pydantic error's type -> what YAML should hold."""


@dataclass(frozen=True)
class Field:
    """One keyword a component or a section takes."""

    annotation: Any
    required: bool = True


@dataclass(frozen=True)
class Problem:
    """A value that does not fit: where, as keys and indices, and why."""

    loc: tuple[str | int, ...]
    why: str | None
    """None: nothing is there, and something must be."""

    def line(self, at: str = "") -> str:
        """One line, with ``at`` before the path."""
        path = join(at, *self.loc)
        if self.why is None:
            return f"{path} is required: give it as {path}=VALUE or in the YAML"
        return f"{path}: {self.why}"


def join(at: str, *parts: str | int) -> str:
    """A dotted path, as overrides write it."""
    return ".".join(str(part) for part in ([at] if at else []) + list(parts))


def validate(
    values: Mapping[str, Any], fields: Mapping[str, Field]
) -> tuple[dict[str, Any], list[Problem]]:
    """``values`` converted to the annotations of ``fields``; ({}, problems) when some do not fit.

    Nested dataclasses are built from mappings, and unknown keys are problems at every level.
    """
    types = {
        name: field.annotation if field.required else NotRequired[field.annotation]
        for name, field in fields.items()
    }
    typed_dict: Any = TypedDict  # its fields are data here, which a type checker cannot follow
    shape = typed_dict("Fields", types)
    shape.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    try:
        found: dict[str, Any] = TypeAdapter(shape).validate_python(dict(values))
        return found, []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    annotations = {name: field.annotation for name, field in fields.items()}
    return {}, _problems(errors, values, annotations)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or what there is, or nothing."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.55)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(names)}" if names else ""


def placeholders(value: Any, loc: tuple[str | int, ...] = ()) -> list[Problem]:
    """One problem for each ``???`` that still waits for a value."""
    if value == MISSING:
        return [Problem(loc, None)]
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    return [problem for key, item in pairs for problem in placeholders(item, (*loc, key))]


# --- from pydantic's errors to lines -------------------------------------------------------------


def _problems(
    errors: Sequence[Any], values: Mapping[str, Any], annotations: dict[str, Any]
) -> list[Problem]:
    whys: dict[tuple[str | int, ...], list[str | None]] = {}
    expected: dict[tuple[str | int, ...], list[str]] = {}
    for error in _meant(errors, values):
        named = _is_member(error, values)
        loc = tuple(part for part, is_name in zip(error["loc"], named, strict=True) if not is_name)
        if error["type"] == "missing" and isinstance(loc[-1], int):  # of a list of fixed length
            size = max(e["loc"][-1] for e in errors if e["loc"][:-1] == error["loc"][:-1]) + 1
            expected.setdefault(loc[:-1], []).append(f"list of {size}")
            whys.setdefault(loc[:-1], [])
        elif error["type"] == "missing":
            whys.setdefault(loc, []).append(None)
        elif error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            hint = did_you_mean(loc[-1], _names(annotations, error["loc"][:-1], named))
            whys.setdefault(loc, []).append(f"unknown field{hint}")
        elif error["type"] == "value_error":  # what the dataclass itself has against its values
            whys.setdefault(loc, []).append(str(error["ctx"]["error"]))
        elif error["input"] != MISSING:  # a placeholder is reported as missing, not as a string
            expected.setdefault(loc, []).append(_wanted(error))
            whys.setdefault(loc, [])
    lines = []
    for loc, reasons in whys.items():
        if loc in expected and not reasons:
            wants = " or ".join(dict.fromkeys(expected[loc]))
            reasons = [f"expected {wants}, got {_shown(_at(values, loc))}"]
        lines += [Problem(loc, reason) for reason in dict.fromkeys(reasons)]
    return lines


def _wanted(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return str(context["expected"])
    if kind.startswith("is_instance_of") or kind == "is_subclass_of":
        return f"a component that is a {context['class']} (a mapping with _target_)"
    if kind == "int_from_float":
        return "a whole number"
    return _EXPECTED.get(kind.split("_")[0], str(error["msg"]))


def _meant(errors: Sequence[Any], values: Mapping[str, Any], start: int = 0) -> list[Any]:
    """The errors without those of members of a union that a value was not meant for.

    Where a member takes the kind of value it is (a mapping, a list), only the member that comes
    closest speaks; where none does, each of them says what it expected.
    """
    unions: dict[Any, dict[str | int, list[Any]]] = {}
    for error in errors:
        named = _is_member(error, values)
        if True in named[start:]:
            at = named.index(True, start)
            members = unions.setdefault(error["loc"][:at], {})
            members.setdefault(error["loc"][at], []).append(error)
    dropped: set[int] = set()
    for loc, members in unions.items():
        fitting = [found for found in members.values() if not _refuses(found, len(loc) + 1)]
        if fitting:
            closest = min(fitting, key=_distance)
            kept = {id(error) for error in _meant(closest, values, len(loc) + 1)}
            dropped |= {id(e) for found in members.values() for e in found if id(e) not in kept}
    return [error for error in errors if id(error) not in dropped]


def _refuses(errors: Sequence[Any], depth: int) -> bool:
    """Whether a member of a union does not take this kind of value at all."""
    return len(errors[0]["loc"]) == depth and errors[0]["type"] != "value_error"


def _distance(errors: Sequence[Any]) -> tuple[int, int]:
    """(keys that are missing or unknown, all problems)"""
    keys = ("missing", "extra_forbidden", "unexpected_keyword_argument")
    return sum(error["type"] in keys for error in errors), len(errors)


def _is_member(error: Any, data: Any) -> list[bool]:
    """For each part of an error's location: whether it names a member of a union and is no key."""
    named = []
    for index, part in enumerate(error["loc"]):
        is_absent = error["type"] == "missing" and index == len(error["loc"]) - 1
        is_key = part in (data if isinstance(data, Mapping) else range(_num_items(data)))
        named.append(not is_key and not is_absent)
        data = data[part] if is_key else data
    return named


def _num_items(data: Any) -> int:
    return len(data) if isinstance(data, list | tuple) else 0


def _at(data: Any, loc: tuple[str | int, ...]) -> Any:
    for part in loc:
        data = data[part]
    return data


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    text = value.source if isinstance(value, FromEnv) else repr(value)
    return str(text) if len(text) <= 60 else f"{text[:57]}..."


def _names(annotation: Any, loc: tuple[str | int, ...], named: Sequence[bool]) -> list[str]:
    """The fields that exist at ``loc``, of which some parts name members of a union."""
    for part, is_name in zip(loc, named, strict=False):
        if is_name:
            members = get_args(annotation)
            annotation = next((m for m in members if _name(m) == part), annotation)
            continue
        children = _fields(annotation)
        if isinstance(part, str) and part in children:
            annotation = children[part]
        else:  # an item of a dict or a list
            annotation = (get_args(_without_none(annotation)) or (Any,))[-1]
    return list(_fields(annotation))


def _name(annotation: Any) -> str:
    return str(getattr(annotation, "__name__", annotation))


def _fields(annotation: Any) -> dict[str, Any]:
    annotation = _without_none(annotation)
    if isinstance(annotation, dict):
        return annotation
    if is_dataclass(annotation) or is_typeddict(annotation):
        return get_type_hints(annotation)
    return {}


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not NoneType]
        return next((member for member in members if is_dataclass(member)), members[0])
    return annotation
