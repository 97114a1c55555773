"""Follows a program's paths: which variables are defined, of what type, and from what they come.

One walk over the statements, without running them. At a join of paths a variable is defined if it
is on both; a loop's body runs at least once if its bound is a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog, Operator
from guerdon.workflow.findings import Finding
from guerdon.workflow.kinds import (
    BOOL,
    NUMBER,
    TEXT,
    UNKNOWN,
    Kind,
    common,
    fits,
    list_of,
)

MAX_ROUNDS = 6
"""Of a loop's body, until its types no longer change."""


class Origin(IntEnum):
    """What a value comes from."""

    CONSTANT = 0
    """The text of the program, or what it was given."""
    EMPTY = 1
    """Nothing yet: "" or []."""
    OPERATOR = 2
    """Some operator's result."""


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value."""

    kind: Kind
    origin: Origin = Origin.CONSTANT


LOST = Value(UNKNOWN, Origin.OPERATOR)
State = dict[str, Value]


class Flow:
    """The analysis of one program; ``findings`` fill up as it goes."""

    def __init__(self, program: ir.Program, catalog: Catalog, lost: Iterable[str] = ()) -> None:
        self._catalog = catalog
        self._named = ir.bound_names(program)
        self._start: State = {name: LOST for name in lost}
        self._start |= {name: Value(TEXT) for name, _ in program.prompts}
        self._start |= {name: Value(TEXT) for name in program.parameters}
        self._found: dict[Finding, None] = {}
        self._leaving: list[list[State]] = []

    def run(self, body: tuple[ir.Stmt, ...]) -> tuple[list[Finding], bool]:
        """The findings, and whether some path reaches the end without a return."""
        end = self._block(body, self._start)
        return list(self._found), end is not None

    def _note(self, code: str, line: int, message: str, hint: str = "", subject: str = "") -> None:
        self._found[Finding(code, line, message, hint, subject)] = None

    # --- statements -------------------------------------------------------------------------------

    def _block(self, body: tuple[ir.Stmt, ...], state: State | None) -> State | None:
        """The state after a block; None: no path leads there."""
        for stmt in body:
            if state is None:
                return None
            state = self._statement(stmt, dict(state))
        return state

    def _statement(self, stmt: ir.Stmt, state: State) -> State | None:
        if isinstance(stmt, ir.Call):
            state[stmt.target] = self._call(stmt, state)
        elif isinstance(stmt, ir.Fan):
            inner = state | {stmt.var: self._item(stmt.over, state, stmt.line)}
            result = self._call(stmt.call, inner)
            state[stmt.target] = Value(list_of(result.kind), result.origin)
        elif isinstance(stmt, ir.Parallel):
            state |= {call.target: self._call(call, state) for call in stmt.calls}
        elif isinstance(stmt, ir.Assign):
            state[stmt.target] = self._value(stmt.value, state, stmt.line)
        elif isinstance(stmt, ir.If):
            self._wants(BOOL, stmt.condition, state, stmt.line, "the condition of 'if'")
            then = self._block(stmt.then, state)
            return self._join(then, self._block(stmt.other, state), stmt.line)
        elif isinstance(stmt, ir.Loop):
            return self._loop(stmt, state)
        elif isinstance(stmt, ir.Break):
            if self._leaving:
                self._leaving[-1].append(state)
            else:
                self._note("E401", stmt.line, "break outside a loop")
            return None
        else:
            self._return(stmt, state)
            return None
        return state

    def _loop(self, stmt: ir.Loop, state: State) -> State | None:
        item = self._item(stmt.over, state, stmt.line)
        found = dict(self._found)
        entry = state | {stmt.var: item}
        end: State | None = None
        left: list[State] = []
        for _ in range(MAX_ROUNDS):
            self._found = dict(found)  # only what is wrong with the final types counts
            self._leaving.append([])
            end = self._block(stmt.body, entry)
            left = self._leaving.pop()
            again = self._join(entry, None if end is None else end | {stmt.var: item}, stmt.line)
            if again == entry:
                break
            assert again is not None
            entry = again
        if not isinstance(stmt.over, int) or stmt.over < 1:
            end = state if end is None else self._join(state, end, stmt.line)
        for one in left:
            end = self._join(end, one, stmt.line)
        return end

    def _return(self, stmt: ir.Return, state: State) -> None:
        value = self._value(stmt.value, state, stmt.line)
        if value.kind.item is not None or value.kind.fields:
            self._note("E206", stmt.line, f"the answer is a {value.kind}", _use_field(value.kind))
        if value.origin is not Origin.OPERATOR:
            self._note("E304", stmt.line, "the answer may be a constant",
                       "return what an operator answered", "return")  # fmt: skip

    def _join(self, left: State | None, right: State | None, line: int) -> State | None:
        """The state where two paths meet."""
        if left is None or right is None:
            return right if left is None else left
        joined = {}
        for name in left.keys() & right.keys():
            one, other = left[name], right[name]
            kind = common(one.kind, other.kind)
            if kind is None:
                self._note("E206", line, f"{name!r} is {one.kind} on one path and {other.kind} on "
                           "another", "use two names", name)  # fmt: skip
            joined[name] = Value(UNKNOWN if kind is None else kind, _either(one, other))
        return joined

    def _item(self, over: int | ir.Expr, state: State, line: int) -> Value:
        """What a loop's variable holds."""
        if isinstance(over, int):
            return Value(NUMBER)
        value = self._value(over, state, line)
        if value.kind.item is None and value.kind != UNKNOWN:
            self._note("E206", line, f"loop over a {value.kind}", "loop over a list or range(n)")
        return Value(value.kind.item or UNKNOWN, value.origin)

    # --- calls ------------------------------------------------------------------------------------

    def _call(self, call: ir.Call, state: State) -> Value:
        operator = self._catalog.operators.get(call.operator)
        given = [(name, self._value(one, state, call.line)) for name, one in call.arguments]
        if operator is None:
            return LOST
        seen: set[str] = set()
        for name, value in given:
            self._argument(call, operator, name, value, seen)
        for one in operator.inputs:
            if one.default is None and one.name not in seen:
                self._note("E205", call.line, f"{call.operator} needs {one.name}=",
                           f"{call.operator}({operator.interface})", one.name)  # fmt: skip
        return Value(operator.record, Origin.OPERATOR)

    def _argument(
        self, call: ir.Call, operator: Operator, name: str, value: Value, seen: set[str]
    ) -> None:
        parameter = operator.parameter(name)
        if parameter is None or name in seen:
            what = "no keyword" if parameter is None else "twice the keyword"
            self._note("E205", call.line, f"{call.operator} has {what} {name[:40]}=",
                       f"{call.operator}({operator.interface})", name)  # fmt: skip
        elif not fits(value.kind, parameter.kind):
            self._note("E206", call.line, f"{name}= of {call.operator} is {parameter.kind}, not "
                       f"{value.kind}", _use_field(value.kind), name)  # fmt: skip
        seen.add(name)

    # --- expressions ------------------------------------------------------------------------------

    def _wants(self, kind: Kind, node: ir.Expr, state: State, line: int, what: str) -> Value:
        value = self._value(node, state, line)
        if not fits(value.kind, kind):
            self._note("E206", line, f"{what} is {value.kind}, not {kind}", _use_field(value.kind))
        return value

    def _value(self, node: ir.Expr, state: State, line: int) -> Value:
        if isinstance(node, ir.Literal):
            is_text = isinstance(node.value, str)
            kind = TEXT if is_text else BOOL if isinstance(node.value, bool) else NUMBER
            return Value(kind, Origin.EMPTY if node.value == "" else Origin.CONSTANT)
        if isinstance(node, ir.Ref):
            return self._ref(node.name, state, line)
        if isinstance(node, ir.Field):
            return self._field(node, state, line)
        if isinstance(node, ir.Item):
            value = self._value(node.items, state, line)
            if value.kind.item is None and value.kind != UNKNOWN:
                self._note(
                    "E206", line, f"[{node.index}] of a {value.kind}", "only lists have items"
                )
            return Value(value.kind.item or UNKNOWN, value.origin)
        if isinstance(node, ir.Each):
            return self._each(node, state, line)
        if isinstance(node, ir.Choose):
            self._wants(BOOL, node.condition, state, line, "the condition of 'if'")
            then, other = (self._value(one, state, line) for one in (node.then, node.other))
            return Value(self._same(then, other, line, "if and else"), _either(then, other))
        if isinstance(node, ir.Plus):
            return self._plus(node, state, line)
        if isinstance(node, ir.ListOf):
            values = [self._value(one, state, line) for one in node.items]
            item = values[0].kind if values else UNKNOWN
            for value in values[1:]:
                item = self._same(Value(item), value, line, "items of a list")
            return Value(self._list_of(item, line), _mixed(values))
        if isinstance(node, ir.Join):
            values = [self._value(one, state, line) for one in node.parts]
            for value in values:
                if value.kind.item is not None or value.kind.fields:
                    self._note(
                        "E206", line, f"a {value.kind} in an f-string", _use_field(value.kind)
                    )
            return Value(TEXT, _mixed(values))
        return self._computed(node, state, line)

    def _computed(
        self, node: ir.Compare | ir.Not | ir.Logic | ir.Apply, state: State, line: int
    ) -> Value:
        if isinstance(node, ir.Not):
            return self._wants(BOOL, node.operand, state, line, "the operand of 'not'")
        if isinstance(node, ir.Logic):
            what = f"an operand of '{node.operator}'"
            return Value(BOOL, _mixed([self._wants(BOOL, one, state, line, what)
                                       for one in node.operands]))  # fmt: skip
        if isinstance(node, ir.Compare):
            left, right = (self._value(one, state, line) for one in (node.left, node.right))
            self._compared(node.operator, left, right, line)
            return Value(BOOL, _mixed([left, right]))
        return self._apply(node, state, line)

    def _ref(self, name: str, state: State, line: int) -> Value:
        if name in state:
            return state[name]
        is_named = name in self._named
        message = f"{name!r} is not defined" + (" on every path" if is_named else "")
        hint = "give it a value before the branch" if is_named else ""
        self._note("E301", line, message, hint, name)
        return LOST

    def _field(self, node: ir.Field, state: State, line: int) -> Value:
        value = self._value(node.record, state, line)
        kind = value.kind.field(node.name)
        if kind is None and value.kind != UNKNOWN:
            known = ", ".join(name for name, _ in value.kind.fields)
            hint = f"there are: {known}" if known else "only an operator's result has fields"
            self._note("E206", line, f"no field {node.name[:40]!r} in a {value.kind}", hint,
                       node.name)  # fmt: skip
        return Value(kind or UNKNOWN, value.origin)

    def _each(self, node: ir.Each, state: State, line: int) -> Value:
        items = self._item(node.items, state, line)
        inner = state | {node.var: items}
        if node.where is not None:
            self._wants(BOOL, node.where, inner, line, "the condition of a comprehension")
        value = self._value(node.value, inner, line)
        return Value(self._list_of(value.kind, line), value.origin)

    def _list_of(self, item: Kind, line: int) -> Kind:
        if item.item is not None and item.item.item is not None:
            self._note("E206", line, "a list of lists of lists", "use texts")
            return UNKNOWN
        return list_of(item)

    def _plus(self, node: ir.Plus, state: State, line: int) -> Value:
        left, right = self._value(node.left, state, line), self._value(node.right, state, line)
        is_sum = all(one.kind in (NUMBER, UNKNOWN) for one in (left, right))
        is_text = all(fits(one.kind, TEXT) for one in (left, right))
        kind = NUMBER if is_sum else TEXT if is_text else self._same(left, right, line, "'+'")
        if not is_sum and not is_text and kind != UNKNOWN and kind.item is None:
            self._note("E206", line, f"'+' of two {kind}", "only texts, lists and numbers add up")
        return Value(kind, _mixed([left, right]))

    def _same(self, left: Value, right: Value, line: int, what: str) -> Kind:
        kind = common(left.kind, right.kind)
        if kind is None:
            self._note("E206", line, f"{what}: {left.kind} and {right.kind}",
                       "convert a number with str(x)")  # fmt: skip
        return UNKNOWN if kind is None else kind

    def _compared(self, operator: str, left: Value, right: Value, line: int) -> None:
        if operator in ("in", "not in"):
            inner = right.kind.item or TEXT
            okay = fits(left.kind, inner) and (right.kind.item or fits(right.kind, TEXT))
        elif operator in ("==", "!="):
            okay = common(left.kind, right.kind) is not None
        else:
            okay = all(fits(one.kind, NUMBER) for one in (left, right))
        if not okay:
            self._note("E206", line, f"{left.kind} {operator} {right.kind}",
                       "compare values of the same type")  # fmt: skip

    def _apply(self, node: ir.Apply, state: State, line: int) -> Value:
        values = [self._value(one, state, line) for one in node.arguments]
        wanted: list[Kind | None] = [TEXT] * len(values)
        if node.function == "join":
            wanted[1] = list_of(TEXT)
        elif node.function in ir.FUNCTIONS:
            is_length = node.function == "len" and values[0].kind.item is not None
            is_number = node.function == "str" and values[0].kind in (NUMBER, BOOL)
            wanted = [None] if is_length or is_number else wanted
        for value, kind in zip(values, wanted, strict=True):
            if kind is not None and not fits(value.kind, kind):
                self._note("E206", line, f"{node.function}() of {value.kind}, not {kind}",
                           _use_field(value.kind))  # fmt: skip
        origin = values[0].origin if node.function == "replace" else _mixed(values)
        return Value(_RESULTS.get(node.function, TEXT), origin)


_RESULTS: Mapping[str, Kind] = {
    "len": NUMBER, "split": list_of(TEXT), "startswith": BOOL, "endswith": BOOL,
}  # fmt: skip


def _mixed(values: Iterable[Value]) -> Origin:
    """Of a value made of others."""
    origins = [value.origin for value in values] or [Origin.EMPTY]
    if Origin.OPERATOR in origins:
        return Origin.OPERATOR
    return min(origins)


def _either(left: Value, right: Value) -> Origin:
    """Of a value that is one or the other."""
    low, high = sorted((left.origin, right.origin))
    return high if low is Origin.EMPTY else low


def _use_field(kind: Kind) -> str:
    """What to write instead of a whole result."""
    if kind.fields:
        return f'take a field: x["{kind.fields[-1][0]}"]'
    if kind.item is not None:
        return "take an item, or join the list"
    return 'compare it: x != ""' if kind == TEXT else ""
