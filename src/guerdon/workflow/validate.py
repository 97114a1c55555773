"""Everything that is wrong with a workflow, at once, before any of it runs.

    checked = check(text, catalog, domain="math")
    if checked.is_valid: await interpret.run(checked.program, ...)

What passes calls only known operators with values of the right types, ends with an answer that
depends on one of them, and makes at most ``checked.max_calls`` model calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.dsl import parse_dsl
from guerdon.workflow.findings import Finding
from guerdon.workflow.flow import Flow
from guerdon.workflow.limits import Limits
from guerdon.workflow.parse import Draft, extract, parse_python

_PLACEHOLDER = re.compile(r"\{[A-Za-z_]\w*\}")
MAX_NESTED_LOOPS = 3
_UNREAD = {"E101", "E102", "E401"}
"""After these a program has holes: that a path has no return is no news then."""


@dataclass(frozen=True)
class Task:
    """What validity depends on besides the program."""

    domain: str
    has_tests: bool = False
    """Whether the task has public tests."""
    limits: Limits = Limits()


@dataclass(frozen=True)
class Checked:
    """A workflow and what is wrong with it."""

    program: ir.Program | None
    findings: tuple[Finding, ...]
    max_calls: int = 0
    """The most model calls it can make."""

    @property
    def is_valid(self) -> bool:
        """Whether it may run."""
        return self.program is not None and not any(one.is_error for one in self.findings)


def check(text: str, catalog: Catalog, task: Task) -> Checked:
    """Read a model's reply in either surface and say all that is wrong with the workflow in it."""
    return examine(read(extract(text), catalog), catalog, task)


def read(text: str, catalog: Catalog) -> Draft:
    """A program's text, in the surface it is written in."""
    looks_like_python = re.search(r"^\s*(class|import|from|async|def)\s", text, re.MULTILINE)
    return parse_python(text, catalog) if looks_like_python else parse_dsl(text, catalog)


def examine(draft: Draft, catalog: Catalog, task: Task) -> Checked:
    """What was found when a text was read, and what is wrong with what it means."""
    program = draft.program
    if program is None:
        return Checked(None, draft.findings)
    found = [*draft.findings, *validate(program, catalog, task, draft.lost)]
    if any(one.code in _UNREAD for one in draft.findings):
        found = [one for one in found if one.code not in ("E303", "W501")]
    found.sort(key=lambda one: (one.line, one.code))
    return Checked(program, tuple(dict.fromkeys(found)), call_bound(program.body, catalog, task))


def validate(
    program: ir.Program, catalog: Catalog, task: Task, lost: frozenset[str] = frozenset()
) -> list[Finding]:
    """What is wrong with a program, however it was written.

    Args:
        lost: variables whose assignment could not be read; they are taken to be right.
    """
    found = [*_signature(program, catalog, task)]
    if _loop_depth(program.body) > MAX_NESTED_LOOPS:
        hint = f"at most {MAX_NESTED_LOOPS} loops inside each other"
        return [*found, Finding("E305", 0, "loops are nested too deeply", hint)]
    flow, is_open = Flow(program, catalog, lost).run(program.body)
    found += flow
    if is_open:
        found.append(Finding("E303", 0, "a path ends without return", "end with return", "return"))
    found += _operators(program, catalog, task)
    found += _bounds(program, catalog, task)
    return [*found, *_unused(program), *_repeated(program.body), *_placeholders(program)]


def call_bound(body: tuple[ir.Stmt, ...], catalog: Catalog, task: Task) -> int:
    """The most model calls a block can make: branches by the dearer side, loops by their bound."""
    total = 0
    for stmt in body:
        if isinstance(stmt, ir.Call):
            total += _cost(stmt, catalog)
        elif isinstance(stmt, ir.Parallel):
            total += sum(_cost(call, catalog) for call in stmt.calls)
        elif isinstance(stmt, ir.Fan):
            total += _times(stmt.over, task) * _cost(stmt.call, catalog)
        elif isinstance(stmt, ir.If):
            sides = (call_bound(side, catalog, task) for side in (stmt.then, stmt.other))
            total += max(sides)
        elif isinstance(stmt, ir.Loop):
            total += _times(stmt.over, task) * call_bound(stmt.body, catalog, task)
    return total


def _cost(call: ir.Call, catalog: Catalog) -> int:
    operator = catalog.operators.get(call.operator)
    return 1 if operator is None else operator.max_calls


def _times(over: int | ir.Expr, task: Task) -> int:
    return max(over, 0) if isinstance(over, int) else task.limits.max_parallel


def _signature(program: ir.Program, catalog: Catalog, task: Task) -> Iterator[Finding]:
    wanted, given = catalog.parameters(task.domain), program.parameters
    if not given or given != wanted[: len(given)]:
        yield Finding("E103", 0, f"parameters ({', '.join(given)}) of __call__",
                      f"{task.domain} has ({', '.join(wanted)})", "signature")  # fmt: skip


def _operators(program: ir.Program, catalog: Catalog, task: Task) -> Iterator[Finding]:
    allowed = [name for name, one in catalog.operators.items() if task.domain in one.domains]
    for call in ir.calls(program.body):
        operator = catalog.operators.get(call.operator)
        if operator is None:
            close = get_close_matches(call.operator, catalog.operators, n=1, cutoff=0.4)
            hint = f"did you mean {close[0]}?" if close else "there are: " + ", ".join(allowed)
            yield Finding("E201", call.line, f"unknown operator {call.operator[:40]!r}", hint,
                          call.operator)  # fmt: skip
        elif task.domain not in operator.domains:
            yield Finding("E204", call.line, f"{call.operator} is not for {task.domain}",
                          f"there are: {', '.join(allowed)}", call.operator)  # fmt: skip
        elif operator.needs_tests and not task.has_tests:
            yield Finding("E204", call.line, f"{call.operator} needs public tests, and the task "
                          "has none", "use Review", call.operator)  # fmt: skip


def _bounds(program: ir.Program, catalog: Catalog, task: Task) -> Iterator[Finding]:
    limits = task.limits
    for stmt in ir.statements(program.body):
        if isinstance(stmt, ir.Loop) and isinstance(stmt.over, int):
            if not 1 <= stmt.over <= limits.max_loop:
                yield Finding("E305", stmt.line, f"a loop of {stmt.over} turns",
                              f"1 to {limits.max_loop} are allowed", "loop")  # fmt: skip
        elif isinstance(stmt, ir.Fan | ir.Parallel):
            over = len(stmt.calls) if isinstance(stmt, ir.Parallel) else stmt.over
            if isinstance(over, int) and not 1 <= over <= limits.max_parallel:
                yield Finding("E402", stmt.line, f"{over} calls at once",
                              f"1 to {limits.max_parallel} are allowed", "parallel")  # fmt: skip
    bound = call_bound(program.body, catalog, task)
    if bound > limits.max_calls:
        yield Finding("E402", 0, f"may make {bound} model calls",
                      f"the budget is {limits.max_calls}", "calls")  # fmt: skip


def _unused(program: ir.Program) -> Iterator[Finding]:
    used = set(ir.names(program.body))
    for call in ir.calls(program.body):
        if call.target not in used and call.target != "_":
            yield Finding("W501", call.line, f"{call.target!r} is never used", "leave the call out",
                          call.target)  # fmt: skip


def _repeated(body: tuple[ir.Stmt, ...]) -> Iterator[Finding]:
    """Equal calls one after the other; those at once are samples and meant to be equal."""
    seen: dict[tuple[object, ...], int] = {}
    for stmt in body:
        if isinstance(stmt, ir.Call):
            key = (stmt.operator, stmt.arguments)
            if key in seen:
                yield Finding("W502", stmt.line, f"the call of line {seen[key]} again",
                              "use its result", stmt.operator)  # fmt: skip
            seen[key] = stmt.line
        targets = {name for one in ir.statements((stmt,)) for name in _targets(one)}
        seen = {key: line for key, line in seen.items() if not targets & set(ir.names(key[1]))}
        for block in _blocks(stmt):
            yield from _repeated(block)


def _targets(stmt: ir.Stmt) -> Iterator[str]:
    if isinstance(stmt, ir.Call | ir.Assign | ir.Fan):
        yield stmt.target
    elif isinstance(stmt, ir.Parallel):
        yield from (call.target for call in stmt.calls)
    elif isinstance(stmt, ir.Loop):
        yield stmt.var


def _blocks(stmt: ir.Stmt) -> tuple[tuple[ir.Stmt, ...], ...]:
    if isinstance(stmt, ir.If):
        return (stmt.then, stmt.other)
    return (stmt.body,) if isinstance(stmt, ir.Loop) else ()


def _loop_depth(body: tuple[ir.Stmt, ...]) -> int:
    depths = [
        isinstance(stmt, ir.Loop) + max(map(_loop_depth, _blocks(stmt)), default=0) for stmt in body
    ]
    return max(depths, default=0)


def _placeholders(program: ir.Program) -> Iterator[Finding]:
    texts = [(0, name, text) for name, text in program.prompts]
    texts += [(0, "TASK_PROMPT", program.task_prompt or "")]
    for call in ir.calls(program.body):
        value = call.argument("instruction")
        if isinstance(value, ir.Literal) and isinstance(value.value, str):
            texts.append((call.line, "instruction", value.value))
    for line, name, text in texts:
        match = _PLACEHOLDER.search(text)
        if match:
            yield Finding("W503", line, f"{match[0][:40]} in {name} is never filled",
                          "use an f-string, or leave it out", name)  # fmt: skip
