"""Mappings with `_target_` become components; sections become the dataclasses of `schema`.

A component's own signature is its schema: a value that does not fit is a line naming its path. A
component that checks more than types defines ``problems(config) -> list[str]``; see `check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from guerdon.config.fields import (
    MISSING,
    Field,
    Problem,
    did_you_mean,
    join,
    placeholders,
    validate,
)
from guerdon.config.target import default, locate, parameters
from guerdon.errors import ConfigError

T = TypeVar("T")

TARGET = "_target_"

_BROKEN = object()
"""Stands for a component that could not be built; its own problem is reported, not its absence."""


def build(node: Mapping[str, Any], at: str = "", /, **given: Any) -> Any:
    """The component that ``node`` describes, and those inside it.

    Args:
        node: ``_target_`` and keyword fields; a component may stand in a field, a list or a dict.
        at: the path of ``node`` in the configuration, for messages.
        given: what the caller adds (a loaded model, a template) to a target that has such keywords;
            ``node`` wins.

    Raises:
        ConfigError: every field that does not fit, one line each.
    """
    assembly = Assembly()
    component = assembly.component(node, at, given)
    if assembly.problems:
        raise ConfigError(assembly.problems)
    return component


def parse(section: Mapping[str, Any], schema: type[T], at: str = "", /) -> T:
    """A section as its dataclass, defaults filled in, values converted.

    Raises:
        ConfigError: every value that does not fit, one line each.
    """
    parsed, problems = fit(section, schema)
    if problems or parsed is None:
        raise ConfigError([problem.line(at) for problem in problems])
    return parsed


def fit(section: Mapping[str, Any], schema: type[T]) -> tuple[T | None, list[Problem]]:
    """Like ``parse``, with the problems as data."""
    found, problems = validate({"section": section}, {"section": Field(schema)})
    inner = [Problem(problem.loc[1:], problem.why) for problem in problems]
    return found.get("section"), placeholders(section) + inner


@dataclass
class Assembly:
    """Builds components and keeps all that is wrong with them, instead of stopping at the first."""

    is_dry: bool = False
    """Check the signature only; nothing is constructed."""
    problems: list[str] = field(default_factory=list)
    built: list[tuple[str, Any]] = field(default_factory=list)
    """(path, component), inner ones first."""
    models: list[tuple[str, str]] = field(default_factory=list)
    """(path, name) of every field called ``model``, one name or several: which of `models` a
    component talks to."""

    def component(self, node: Mapping[str, Any], at: str, given: Mapping[str, Any]) -> Any:
        """The component at path ``at``; a placeholder when something in it is wrong."""
        num_before = len(self.problems)
        inner = {key: self._value(node[key], join(at, key)) for key in node if key != TARGET}
        try:
            target = locate(node.get(TARGET))
        except ConfigError as error:
            lines = [line.removeprefix(f"{TARGET} ") for line in error.problems]
            self.problems += [f"{join(at, TARGET)}: {line}" for line in lines]
            return _BROKEN
        values = self._checked(target, inner, at, given)
        self._note_model(target, values, at)
        if self.is_dry or len(self.problems) > num_before:
            return _BROKEN
        try:
            component = target(**values)
        except (ValueError, TypeError, OSError, ImportError) as error:
            lines = error.problems if isinstance(error, ConfigError) else [str(error)]
            self.problems += [f"{at}: {line}" if at else line for line in lines]
            return _BROKEN
        self.built.append((at, component))
        return component

    def _value(self, value: Any, at: str) -> Any:
        if isinstance(value, Mapping) and TARGET in value:
            return self.component(value, at, {})
        if isinstance(value, Mapping):
            return {key: self._value(item, join(at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, join(at, index)) for index, item in enumerate(value)]
        if value == MISSING:
            self.problems += [problem.line() for problem in placeholders(value, (at,))]
            return _BROKEN
        return value

    def _checked(
        self, target: Any, values: Mapping[str, Any], at: str, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The keywords to call ``target`` with, converted; problems are noted."""
        fields, takes_any = parameters(target)
        free = {} if not takes_any else {key: values[key] for key in values if key not in fields}
        ours = {key: given[key] for key in given if key in fields and key not in values}
        broken = {key for key, value in values.items() if _holds_broken(value)}
        skipped = free.keys() | ours.keys() | broken
        checked, problems = validate(
            {key: value for key, value in values.items() if key not in skipped},
            {key: field for key, field in fields.items() if key not in ours.keys() | broken},
        )
        for problem in problems:
            why = problem.why
            if len(problem.loc) == 1 and why and why.startswith("unknown field"):
                known = fields.keys() - given.keys()
                name = getattr(target, "__name__", str(target))
                why = f"unknown field of {name}{did_you_mean(problem.loc[0], known)}"
            self.problems.append(Problem(problem.loc, why).line(at))
        return {**checked, **free, **ours}

    def _note_model(self, target: Any, values: Mapping[str, Any], at: str) -> None:
        given = values.get("model", default(target, "model"))
        for name in given if isinstance(given, list | tuple) else [given]:
            if isinstance(name, str):
                self.models.append((join(at, "model"), name))


def _holds_broken(value: Any) -> bool:
    items: Iterable[Any] = ()
    if isinstance(value, Mapping):
        items = value.values()
    elif isinstance(value, list):
        items = value
    return value is _BROKEN or any(_holds_broken(item) for item in items)
