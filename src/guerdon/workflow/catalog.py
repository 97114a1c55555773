"""The operators there are, as YAML files describe them: types, domains, prompts, cost hints.

The shipped file is ``conf/workflow/aflow_operators.yaml``; a file of your own adds operators and
domains to it or replaces them. An operator is one prompt and the way its reply is read, or names
the function that runs it. These files are configuration: they are trusted, a workflow is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from guerdon.config.build import parse
from guerdon.config.compose import SHIPPED, duplicate_keys
from guerdon.config.target import locate
from guerdon.errors import ConfigError
from guerdon.workflow.kinds import BOOL, NUMBER, TEXT, Kind, read_kind

SHIPPED_OPERATORS = SHIPPED / "workflow" / "aflow_operators.yaml"

ReplyForm = Literal["text", "code", "fields"]

_PARAMETER = re.compile(r"\s*(\w+)\s*:\s*([\w\[\]]+)\s*(?:=\s*(.+))?$", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword of an operator."""

    name: str
    kind: Kind
    default: str | int | float | bool | None = None
    """None: it must be given."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What a workflow can call.

    Args:
        inputs, outputs: its signature; a call's result is the record of the outputs.
        max_calls: the most model calls one use can make.
        run: dotted path of the coroutine that runs it; None: ask with ``prompt`` and read the
            reply as ``reply`` says.
        needs_tests: it may be used only where the task has public tests.
        model: whom it asks: a name in `models`.
    """

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[tuple[str, Kind], ...]
    description: str = ""
    domains: frozenset[str] = frozenset()
    max_calls: int = 1
    prompt: str = ""
    reply: ReplyForm = "text"
    run: str | None = None
    needs_tests: bool = False
    model: str = "executor"

    @property
    def attribute(self) -> str:
        """What a Workflow object calls it: ``sc_ensemble`` for ScEnsemble."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower()

    @property
    def record(self) -> Kind:
        """The type of its result."""
        return Kind(f"result of {self.name}", fields=self.outputs)

    @property
    def interface(self) -> str:
        """Its signature in one line."""
        given = [
            f"{one.name}: {one.kind}" + ("" if one.default is None else f" = {one.default!r}")
            for one in self.inputs
        ]
        returned = ", ".join(f"{name}: {kind}" for name, kind in self.outputs)
        return f"{', '.join(given)} -> {returned}"

    def parameter(self, name: str) -> Parameter | None:
        """The keyword of this name."""
        return next((one for one in self.inputs if one.name == name), None)


@dataclass(frozen=True)
class Catalog:
    """Operators by name, and what the workflows of each domain are given."""

    operators: Mapping[str, Operator]
    domains: Mapping[str, tuple[str, ...]]

    def by_attribute(self, name: str) -> Operator | None:
        """The operator that is usually called ``self.NAME``."""
        plain = name.replace("_", "").lower()
        found = [one for one in self.operators.values() if one.name.lower() == plain]
        return found[0] if found else None

    def parameters(self, domain: str) -> tuple[str, ...]:
        """The signature of the workflows of a domain.

        Raises:
            ConfigError: there is no such domain.
        """
        if domain not in self.domains:
            raise ConfigError(f"unknown domain {domain!r}; there are: {', '.join(self.domains)}")
        return self.domains[domain]

    def describe(self, domain: str, *, has_tests: bool) -> str:
        """The operators a workflow of a domain may use, for a policy's prompt."""
        lines = [
            f"{one.name}({one.interface}): {one.description}"
            for one in self.operators.values()
            if domain in one.domains and (has_tests or not one.needs_tests)
        ]
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """An operator as YAML has it."""

    interface: str
    description: str
    domains: list[str]
    max_calls: int = 1
    prompt: str = ""
    reply: ReplyForm = "text"
    run: str | None = None
    needs_tests: bool = False
    model: str = "executor"


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file of operators."""

    operators: dict[str, _Entry] = field(default_factory=dict)
    domains: dict[str, list[str]] = field(default_factory=dict)


def load_catalog(*files: str | Path) -> Catalog:
    """The shipped operators, with those of your files added or in their place.

    Raises:
        ConfigError: everything that is wrong in the files, a line each.
    """
    operators: dict[str, Operator] = {}
    domains: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for path in (SHIPPED_OPERATORS, *map(Path, files)):
        found = _read(path)
        domains |= {name: tuple(given) for name, given in found.domains.items()}
        for name, entry in found.operators.items():
            try:
                operators[name] = _operator(name, entry, domains)
            except ValueError as error:
                problems.append(f"{path}: operators.{name}: {error}")
    if problems:
        raise ConfigError(problems)
    return Catalog(operators, domains)


@cache
def shipped_catalog() -> Catalog:
    """The operators that come with guerdon."""
    return load_catalog()


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A prompt with ``{name}`` replaced, once: braces in the values are only text."""
    return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), template)


def _read(path: Path) -> _File:
    if not path.is_file():
        raise ConfigError(f"no file of operators {str(path)!r}")
    try:
        repeated = duplicate_keys(path)
        if repeated:
            raise ConfigError(repeated)
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping with 'operators' and 'domains'")
    try:
        return parse(values, _File)
    except ConfigError as error:
        raise ConfigError([f"{path}: {line}" for line in error.problems]) from None


def _operator(name: str, entry: _Entry, domains: Mapping[str, Any]) -> Operator:
    """An entry as an operator, or ValueError."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        raise ValueError("name it like a class: letters and digits, a capital first")
    given, arrow, returned = entry.interface.partition("->")
    if not arrow:
        raise ValueError(f"interface {entry.interface!r}: write 'name: Type, ... -> name: Type'")
    inputs = tuple(_parameter(part) for part in _parts(given))
    outputs = tuple((one.name, one.kind) for one in map(_parameter, _parts(returned)))
    if not outputs:
        raise ValueError("interface: nothing is returned")
    unknown = sorted(set(entry.domains) - set(domains))
    if unknown:
        raise ValueError(f"domains: unknown {', '.join(unknown)}; there are: {', '.join(domains)}")
    _check_running(entry, {one.name for one in inputs}, outputs)
    return Operator(
        name=name,
        inputs=inputs,
        outputs=outputs,
        description=entry.description,
        domains=frozenset(entry.domains),
        max_calls=entry.max_calls,
        prompt=entry.prompt,
        reply=entry.reply,
        run=entry.run,
        needs_tests=entry.needs_tests,
        model=entry.model,
    )


def _check_running(entry: _Entry, given: set[str], outputs: tuple[tuple[str, Kind], ...]) -> None:
    """ValueError unless the operator can be run."""
    if entry.max_calls < 1:
        raise ValueError(f"max_calls {entry.max_calls}: must be at least 1")
    if entry.run is not None:
        locate(entry.run)
        return
    if not entry.prompt:
        raise ValueError("give it a prompt, or run: the dotted path of a coroutine")
    unknown = sorted(set(_PLACEHOLDER.findall(entry.prompt)) - given)
    if unknown:
        raise ValueError(f"prompt: {{{unknown[0]}}} is no input; there are: {', '.join(given)}")
    if entry.reply != "fields" and len(outputs) > 1:
        raise ValueError(f"reply: {entry.reply} fills one output, and there are {len(outputs)}")
    readable = {TEXT, BOOL, NUMBER, read_kind("Code")}
    for name, kind in outputs:
        if kind not in readable:
            raise ValueError(f"interface: a reply cannot be read as {name}: {kind}")
    if entry.reply == "fields" and entry.max_calls < 2:
        raise ValueError("max_calls: must be 2 or more; an unreadable reply is asked for again")


def _parts(text: str) -> list[str]:
    """Parameters, split at commas outside quotes."""
    return [part for part in re.findall(r"(?:'[^']*'|\"[^\"]*\"|[^,])+", text) if part.strip()]


def _parameter(text: str) -> Parameter:
    match = _PARAMETER.match(text)
    if match is None:
        raise ValueError(f"interface: cannot read {text.strip()!r}; write 'name: Type'")
    default = None if match[3] is None else ast.literal_eval(match[3].strip())
    return Parameter(match[1], read_kind(match[2]), default)
