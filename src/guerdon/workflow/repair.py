"""Mends workflows that are almost right: only what is broken, each fix with a label.

What the reader forgives (a missing import, an operator not created, a call not awaited) is mended
by what it read. The rest is changed in the program, one finding after the other, until nothing more
can be mended. A repaired program may run; the tokens that are trained are the ones sampled, and the
reward counts `Repaired.fixes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.findings import Finding
from guerdon.workflow.kinds import BOOL
from guerdon.workflow.parse import Draft, extract
from guerdon.workflow.validate import Checked, Task, examine, read

MAX_ROUNDS = 40

FORGIVEN = {
    "E103": "signature",
    "E202": "operator_created",
    "E203": "import_added",
    "E302": "await_added",
    "E305": "loop_bounded",
}
"""What the reader of Python has understood all the same -> the fix's label."""

TAB = "    "


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing that was mended."""

    label: str
    code: str
    line: int

    def __str__(self) -> str:
        return f"{self.label} ({self.code}" + (f", line {self.line})" if self.line else ")")


@dataclass(frozen=True)
class Repaired:
    """A workflow after repair: what is still wrong with it, and what was mended."""

    checked: Checked
    fixes: tuple[Fix, ...] = ()


def repair(text: str, catalog: Catalog, task: Task) -> Repaired:
    """Read a model's reply and mend what can be mended."""
    draft, fixes = _readable(extract(text), catalog)
    if draft.program is None:
        return Repaired(examine(draft, catalog, task), tuple(fixes))
    unsafe = tuple(one for one in draft.findings if not _is_forgiven(one))
    fixes += [Fix(FORGIVEN[one.code], one.code, one.line)
              for one in draft.findings if _is_forgiven(one)]  # fmt: skip
    draft = replace(draft, findings=unsafe)
    checked = examine(draft, catalog, task)
    for _ in range(MAX_ROUNDS):
        step = _mended(checked, draft, catalog, task)
        if step is None:
            break
        draft, checked, fix = step
        fixes.append(fix)
    return Repaired(checked, tuple(fixes))


def _is_forgiven(finding: Finding) -> bool:
    """Whether the program that was read has the fault no more."""
    if finding.code == "E305":
        return finding.subject == "while"
    return finding.code in FORGIVEN


def _readable(text: str, catalog: Catalog) -> tuple[Draft, list[Fix]]:
    """The draft; with its indentation mended where that makes it readable."""
    draft = read(text, catalog)
    if draft.program is not None or not any(one.code == "E101" for one in draft.findings):
        return draft, []
    for mend in (_without_margin, _with_levels):
        again = read(mend(text), catalog)
        if again.program is not None:
            return again, [Fix("indentation", "E101", draft.findings[0].line)]
    return draft, []


def _mended(
    checked: Checked, draft: Draft, catalog: Catalog, task: Task
) -> tuple[Draft, Checked, Fix] | None:
    """The program with one finding mended, if one can be and no error comes instead."""
    program = checked.program
    assert program is not None
    errors = [one for one in checked.findings if one.is_error]
    for finding in errors:
        mender = _MENDERS.get(finding.code)
        if mender is None:
            continue
        label, changed = mender(program, finding, catalog, task)
        if changed == program:
            continue
        candidate = replace(draft, program=changed)
        after = examine(candidate, catalog, task)
        left = Counter(one.code for one in after.findings if one.is_error)
        if left < Counter(one.code for one in errors):
            return candidate, after, Fix(label, finding.code, finding.line)
    return None


# --- indentation ---------------------------------------------------------------------------------


def _without_margin(text: str) -> str:
    """Spaces for tabs, and no common margin; empty lines do not count."""
    lines = [line.rstrip().expandtabs(4) for line in text.splitlines()]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[margin:] for line in lines)


def _with_levels(text: str) -> str:
    """Ragged indentation made regular: one level more after a colon, otherwise the nearest one."""
    widths, lines = [0], []
    opens = False
    for line in _without_margin(text).splitlines():
        words = line.lstrip()
        width = len(line) - len(words)
        if words:
            if opens:
                widths.append(max(width, widths[-1] + 1))
            else:
                while len(widths) > 1 and width <= (widths[-2] + widths[-1]) / 2:
                    widths.pop()
            opens = re.sub(r"#.*", "", words).rstrip().endswith(":")
        lines.append(TAB * (len(widths) - 1) + words)
    return "\n".join(lines)


# --- in the program ------------------------------------------------------------------------------

Mended = tuple[str, ir.Program]


def _mend_signature(program: ir.Program, finding: Finding, catalog: Catalog, task: Task) -> Mended:
    """The domain's parameters; what stood in their places is renamed."""
    wanted, given = catalog.parameters(task.domain), program.parameters
    renamed = {old: new for old, new in zip(given, wanted, strict=False) if old not in wanted}
    body = _renamed(program.body, renamed)
    return "signature", replace(program, body=body, parameters=wanted)


def _mend_operator(program: ir.Program, finding: Finding, catalog: Catalog, task: Task) -> Mended:
    """An operator that is only spelled another way."""

    def change(call: ir.Call) -> ir.Call:
        known = catalog.by_attribute(call.operator)
        is_meant = call.operator == finding.subject and known is not None
        return replace(call, operator=known.name) if is_meant and known is not None else call

    return "operator_renamed", _with_calls(program, change)


def _mend_keyword(program: ir.Program, finding: Finding, catalog: Catalog, task: Task) -> Mended:
    """An unknown keyword takes the place of the one that is missing, or goes; a missing one that
    is a parameter of the workflow is passed on."""
    labels: list[str] = []

    def change(call: ir.Call) -> ir.Call:
        operator = catalog.operators.get(call.operator)
        if operator is None or call.line != finding.line:
            return call
        given = dict(reversed(call.arguments))
        missing = [one.name for one in operator.inputs
                   if one.default is None and one.name not in given]  # fmt: skip
        unknown = [name for name in given if operator.parameter(name) is None]
        if unknown and len(missing) == 1 and len(unknown) == 1:
            given[missing[0]] = given.pop(unknown[0])
            labels.append("keyword_renamed")
        elif unknown:
            given.pop(unknown[0])
            labels.append("keyword_dropped")
        elif missing:
            name = "problem" if missing[0] == "input" else missing[0]
            if name not in program.parameters:
                return call
            given[missing[0]] = ir.Ref(name)
            labels.append("keyword_added")
        else:
            labels.append("keyword_repeated")
        order = [one.name for one in operator.inputs]
        rest = [name for name in given if name not in order]
        arguments = tuple((n, given[n]) for n in [*order, *rest] if n in given)
        return replace(call, arguments=arguments)

    changed = _with_calls(program, change)
    return (labels or ["keyword"])[0], changed


def _mend_return(program: ir.Program, finding: Finding, catalog: Catalog, task: Task) -> Mended:
    """The last result of the outermost block is returned."""
    for stmt in reversed(program.body):
        if isinstance(stmt, ir.Call) and (operator := catalog.operators.get(stmt.operator)):
            names = [n for n, kind in operator.outputs if kind != BOOL and n != "feedback"]
            if names:
                value = ir.Field(ir.Ref(stmt.target), names[-1])
                return "return_added", replace(program, body=(*program.body, ir.Return(value)))
    return "return_added", program


def _mend_loop(program: ir.Program, finding: Finding, catalog: Catalog, task: Task) -> Mended:
    """Bounds that are too large are cut to the limits."""
    limits = task.limits

    def change(stmt: ir.Stmt) -> ir.Stmt:
        most = {ir.Loop: limits.max_loop, ir.Fan: limits.max_parallel}.get(type(stmt))
        if isinstance(stmt, ir.Loop | ir.Fan) and isinstance(stmt.over, int) and most is not None:
            return replace(stmt, over=max(1, min(stmt.over, most)))
        return stmt

    return "loop_bounded", replace(program, body=_mapped(program.body, change))


_MENDERS: dict[str, Callable[[ir.Program, Finding, Catalog, Task], Mended]] = {
    "E103": _mend_signature,
    "E201": _mend_operator,
    "E205": _mend_keyword,
    "E303": _mend_return,
    "E305": _mend_loop,
    "E402": _mend_loop,
}


def _mapped(body: tuple[ir.Stmt, ...], change: Callable[[ir.Stmt], ir.Stmt]) -> tuple[ir.Stmt, ...]:
    """Every statement changed, inner ones first."""
    found: list[ir.Stmt] = []
    for stmt in body:
        if isinstance(stmt, ir.If):
            then, other = _mapped(stmt.then, change), _mapped(stmt.other, change)
            stmt = replace(stmt, then=then, other=other)
        elif isinstance(stmt, ir.Loop):
            stmt = replace(stmt, body=_mapped(stmt.body, change))
        found.append(change(stmt))
    return tuple(found)


def _with_calls(program: ir.Program, change: Callable[[ir.Call], ir.Call]) -> ir.Program:
    def change_stmt(stmt: ir.Stmt) -> ir.Stmt:
        if isinstance(stmt, ir.Call):
            return change(stmt)
        if isinstance(stmt, ir.Fan):
            return replace(stmt, call=change(stmt.call))
        if isinstance(stmt, ir.Parallel):
            return replace(stmt, calls=tuple(map(change, stmt.calls)))
        return stmt

    return replace(program, body=_mapped(program.body, change_stmt))


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """A statement, expression or tuple of them with other names for references and targets."""
    if isinstance(node, tuple):
        return tuple(_renamed(item, names) for item in node)
    if isinstance(node, ir.Ref):
        return ir.Ref(names.get(node.name, node.name))
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed = {one.name: _renamed(getattr(node, one.name), names) for one in fields(node)}
    for name in ("target", "var"):
        if name in changed:
            changed[name] = names.get(changed[name], changed[name])
    return replace(node, **changed)
