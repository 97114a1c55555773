"""The workflow language as data: what a policy may write, however it writes it.

A program calls operators (models, ensembles, code) and wires their results together. Both
surfaces, restricted Python (`parse`, `printing`) and the compact form (`dsl`), are only ways to
write a `Program`; equal programs are equal values. Every loop has a bound and nothing but an
operator has an effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

# --- expressions: no effects, and no way to reach an object that is not a value ------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: str | bool | int | float


@dataclass(frozen=True, slots=True)
class Ref:
    """A variable, a parameter or a named prompt."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an operator's result: ``result["response"]``."""

    record: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list, by a constant index; negative ones count from the end."""

    items: Expr
    index: int


@dataclass(frozen=True, slots=True)
class Join:
    """The texts of the parts, one after the other: an f-string."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of expressions."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Plus:
    """Texts or lists one after the other, or the sum of numbers."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; ``operator`` is one of ``== != < <= > >= in`` and ``not in``."""

    left: Expr
    operator: str
    right: Expr


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a Bool."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Logic:
    """``and`` or ``or`` of Bools, from left to right, as far as needed."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """``then`` if the condition holds, otherwise ``other``."""

    condition: Expr
    then: Expr
    other: Expr


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of values: a method such as ``strip``, or ``len`` or ``str``; see `METHODS`."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """A list with ``value`` for each item ``var`` of ``items`` that passes ``where``."""

    value: Expr
    var: str
    items: Expr
    where: Expr | None = None


Expr = (
    Literal | Ref | Field | Item | Join | ListOf | Plus | Compare | Not | Logic | Choose | Apply
    | Each
)  # fmt: skip


def join(parts: Iterable[Expr]) -> Join:
    """The parts one after the other, with constant texts side by side made one."""
    found: list[Expr] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Literal) and isinstance(part.value, str):
            if isinstance(last, Literal) and isinstance(last.value, str):
                found[-1] = Literal(last.value + part.value)
            elif part.value:
                found.append(part)
        else:
            found.append(part)
    return Join(tuple(found))


METHODS = {
    "strip": (0, 0),
    "lower": (0, 0),
    "upper": (0, 0),
    "split": (0, 1),
    "join": (1, 1),
    "startswith": (1, 1),
    "endswith": (1, 1),
    "replace": (2, 2),
}
"""Methods of texts -> the least and the most arguments besides the text."""

FUNCTIONS = ("len", "str")


# --- statements ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """``target = operator(arguments)``: the only thing that has an effect."""

    target: str
    operator: str
    """The operator's class name, as the catalog has it."""
    arguments: tuple[tuple[str, Expr], ...] = ()
    line: int = field(default=0, compare=False)

    def argument(self, name: str) -> Expr | None:
        """The expression of a keyword."""
        return dict(self.arguments).get(name)


@dataclass(frozen=True, slots=True)
class Fan:
    """The same call several times at once; ``target`` is the list of results.

    ``over`` is how often, or the list whose items ``var`` takes.
    """

    call: Call
    var: str
    over: int | Expr
    line: int = field(default=0, compare=False)

    @property
    def target(self) -> str:
        """The variable that holds the list."""
        return self.call.target


@dataclass(frozen=True, slots=True)
class Parallel:
    """Different calls at once, each with a target of its own."""

    calls: tuple[Call, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Assign:
    """``target = value``."""

    target: str
    value: Expr
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class If:
    """A branch on a Bool."""

    condition: Expr
    then: tuple[Stmt, ...]
    other: tuple[Stmt, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Loop:
    """A bounded loop: ``over`` times (``var`` counts from 0), or once for each item of a list."""

    var: str
    over: int | Expr
    body: tuple[Stmt, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Break:
    """Leave the innermost loop."""

    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Return:
    """The answer; ends the program."""

    value: Expr
    line: int = field(default=0, compare=False)


Stmt = Call | Fan | Parallel | Assign | If | Loop | Break | Return


@dataclass(frozen=True, slots=True)
class Program:
    """A workflow.

    Args:
        body: what it does; every path ends with `Return`.
        parameters: what it is given, in the order of its signature; the first is the problem.
        task_prompt: what the policy puts before the problem wherever the problem is used.
        prompts: named texts, for use as instructions.
    """

    body: tuple[Stmt, ...]
    parameters: tuple[str, ...] = ("problem",)
    task_prompt: str | None = None
    prompts: tuple[tuple[str, str], ...] = ()


# --- walking -------------------------------------------------------------------------------------


def statements(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Every statement, inner ones after the one they are in."""
    for stmt in body:
        yield stmt
        if isinstance(stmt, If):
            yield from statements(stmt.then)
            yield from statements(stmt.other)
        elif isinstance(stmt, Loop):
            yield from statements(stmt.body)


def calls(body: tuple[Stmt, ...]) -> Iterator[Call]:
    """Every operator call, in the order of the text."""
    for stmt in statements(body):
        if isinstance(stmt, Call):
            yield stmt
        elif isinstance(stmt, Fan):
            yield stmt.call
        elif isinstance(stmt, Parallel):
            yield from stmt.calls


def names(node: Any) -> Iterator[str]:
    """Names of all references in an expression, a statement or a tuple of them."""
    if isinstance(node, Ref):
        yield node.name
    elif isinstance(node, tuple):
        for item in node:
            yield from names(item)
    elif is_dataclass(node):
        for part in fields(node):
            yield from names(getattr(node, part.name))


def bound_names(program: Program) -> set[str]:
    """Every name a program gives to something."""
    found = {*program.parameters, *(name for name, _ in program.prompts)}
    for stmt in statements(program.body):
        if isinstance(stmt, Call | Assign | Fan):
            found.add(stmt.target)
        elif isinstance(stmt, Parallel):
            found |= {call.target for call in stmt.calls}
        if isinstance(stmt, Fan | Loop):
            found.add(stmt.var)
        found |= set(_inner_variables(stmt))
    return found


def _inner_variables(node: Any) -> Iterator[str]:
    if isinstance(node, Each):
        yield node.var
    if isinstance(node, tuple):
        for item in node:
            yield from _inner_variables(item)
    elif is_dataclass(node):
        for part in fields(node):
            yield from _inner_variables(getattr(node, part.name))
