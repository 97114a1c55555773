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
    for error in errors:
        loc = _in_data(error["loc"], values, is_missing=error["type"] == "missing")
        if error["type"] == "missing":
            whys.setdefault(loc, []).append(None)
        elif error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            hint = did_you_mean(loc[-1], _names(annotations, loc[:-1]))
            whys.setdefault(loc, []).append(f"unknown field{hint}")
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


def _in_data(loc: tuple[str | int, ...], data: Any, *, is_missing: bool) -> tuple[str | int, ...]:
    """``loc`` without the parts by which pydantic names members of a union."""
    kept: list[str | int] = []
    for index, part in enumerate(loc):
        if is_missing and index == len(loc) - 1:
            kept.append(part)
        elif part in (data if isinstance(data, Mapping) else range(_num_items(data))):
            kept, data = [*kept, part], data[part]
    return tuple(kept)


def _num_items(data: Any) -> int:
    return len(data) if isinstance(data, list | tuple) else 0


def _at(data: Any, loc: tuple[str | int, ...]) -> Any:
    for part in loc:
        data = data[part]
    return data


def _shown(value: Any) -> str:
    text = value.source if isinstance(value, FromEnv) else repr(value)
    return str(text) if len(text) <= 60 else f"{text[:57]}..."


def _names(annotation: Any, loc: tuple[str | int, ...]) -> list[str]:
    """The fields that exist at ``loc``."""
    for part in loc:
        children = _fields(annotation)
        if isinstance(part, str) and part in children:
            annotation = children[part]
        else:  # an item of a dict or a list
            annotation = (get_args(_without_none(annotation)) or (Any,))[-1]
    return list(_fields(annotation))


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
