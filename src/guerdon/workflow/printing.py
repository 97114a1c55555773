"""A program as restricted Python; `parse.parse_python` reads it back to an equal program."""

from __future__ import annotations

from collections.abc import Iterator

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog


def to_python(program: ir.Program, catalog: Catalog) -> str:
    """The program in the shape of AFlow's ``Workflow`` class."""
    used = list(dict.fromkeys(call.operator for call in ir.calls(program.body)))
    attributes = {name: _attribute(name, catalog) for name in used}
    lines = ["import asyncio", "from scripts.async_llm import create_llm_instance"]
    lines += [f"from scripts.operators import {name}" for name in used]
    lines.append("")
    if program.task_prompt is not None:
        lines.append(f"TASK_PROMPT = {program.task_prompt!r}")
    lines += [f"{name} = {text!r}" for name, text in program.prompts]
    lines += ["", "class Workflow:", "    def __init__(self, name, llm_config, dataset):"]
    lines.append("        self.llm = create_llm_instance(llm_config)")
    lines += [f"        self.{attributes[name]} = {name}(self.llm)" for name in used]
    given = "".join(f", {name}: str" for name in program.parameters)
    lines += ["", f"    async def __call__(self{given}):"]
    lines += _Python(attributes).block(program.body, "        ")
    return "\n".join(lines) + "\n"


def _attribute(name: str, catalog: Catalog) -> str:
    operator = catalog.operators.get(name)
    return name.lower() if operator is None else operator.attribute


class _Python:
    """Prints statements as Python."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes

    def block(self, body: tuple[ir.Stmt, ...], indent: str) -> list[str]:
        lines = [indent + line for stmt in body for line in self._statement(stmt)]
        return lines or [f"{indent}pass"]

    def _statement(self, stmt: ir.Stmt) -> Iterator[str]:
        if isinstance(stmt, ir.Call):
            yield f"{stmt.target} = await {self._call(stmt)}"
        elif isinstance(stmt, ir.Fan):
            over = f"range({stmt.over})" if isinstance(stmt.over, int) else expression(stmt.over)
            gathered = f"*[{self._call(stmt.call)} for {stmt.var} in {over}]"
            yield f"{stmt.target} = await asyncio.gather({gathered})"
        elif isinstance(stmt, ir.Parallel):
            targets = ", ".join(call.target for call in stmt.calls)
            gathered = ", ".join(map(self._call, stmt.calls))
            comma = "," if len(stmt.calls) == 1 else ""
            yield f"{targets}{comma} = await asyncio.gather({gathered})"
        elif isinstance(stmt, ir.Assign):
            yield f"{stmt.target} = {expression(stmt.value)}"
        elif isinstance(stmt, ir.If):
            yield f"if {expression(stmt.condition)}:"
            yield from self.block(stmt.then, "    ")
            if stmt.other:
                yield "else:"
                yield from self.block(stmt.other, "    ")
        elif isinstance(stmt, ir.Loop):
            over = f"range({stmt.over})" if isinstance(stmt.over, int) else expression(stmt.over)
            yield f"for {stmt.var} in {over}:"
            yield from self.block(stmt.body, "    ")
        elif isinstance(stmt, ir.Break):
            yield "break"
        else:
            cost = 'self.llm.get_usage_summary()["total_cost"]'
            yield f"return {expression(stmt.value)}, {cost}"

    def _call(self, call: ir.Call) -> str:
        given = ", ".join(f"{name}={expression(value)}" for name, value in call.arguments)
        return f"self.{self._attributes[call.operator]}({given})"


def expression(node: ir.Expr) -> str:
    """An expression as Python; both surfaces write expressions this way."""
    if isinstance(node, ir.Literal):
        return repr(node.value)
    if isinstance(node, ir.Ref):
        return node.name
    if isinstance(node, ir.Field):
        return f"{_atom(node.record)}[{node.name!r}]"
    if isinstance(node, ir.Item):
        return f"{_atom(node.items)}[{node.index}]"
    if isinstance(node, ir.ListOf):
        return "[" + ", ".join(map(expression, node.items)) + "]"
    if isinstance(node, ir.Join):
        return _join(node)
    if isinstance(node, ir.Plus):
        return f"{_atom(node.left)} + {_atom(node.right)}"
    if isinstance(node, ir.Compare):
        return f"{_atom(node.left)} {node.operator} {_atom(node.right)}"
    if isinstance(node, ir.Not):
        return f"not {_atom(node.operand)}"
    if isinstance(node, ir.Logic):
        return f" {node.operator} ".join(map(_atom, node.operands))
    if isinstance(node, ir.Choose):
        return f"{_atom(node.then)} if {_atom(node.condition)} else {_atom(node.other)}"
    if isinstance(node, ir.Apply):
        return _apply(node)
    where = "" if node.where is None else f" if {_atom(node.where)}"
    return f"[{expression(node.value)} for {node.var} in {_atom(node.items)}{where}]"


def _atom(node: ir.Expr) -> str:
    """An expression that binds tightly enough to stand anywhere."""
    is_signed = isinstance(node, ir.Literal) and not isinstance(node.value, str)
    is_loose = isinstance(node, ir.Plus | ir.Compare | ir.Not | ir.Logic | ir.Choose)
    return f"({expression(node)})" if is_loose or is_signed else expression(node)


def _apply(node: ir.Apply) -> str:
    if node.function in ir.FUNCTIONS:
        return f"{node.function}({', '.join(map(expression, node.arguments))})"
    target, *rest = node.arguments
    return f"{_atom(target)}.{node.function}({', '.join(map(expression, rest))})"


def _join(node: ir.Join) -> str:
    """An f-string, or ``"...".format(...)`` where an f-string could not be read by every Python."""
    texts = [
        _braced(part.value) if _is_text(part) else "{" + expression(part) + "}"  # type: ignore[union-attr,arg-type]
        for part in node.parts
    ]
    if all(_is_text(part) or _is_plain(part) for part in node.parts):
        quoted = repr("".join(texts))
        if quoted[0] == '"' or "'" not in "".join(texts):
            return "f" + quoted
        if '"' not in quoted and "\\" not in quoted:  # the fields hold the only single quotes
            return 'f"' + quoted[1:-1] + '"'
    template = "".join(_braced(p.value) if _is_text(p) else "{}" for p in node.parts)  # type: ignore[union-attr,arg-type]
    given = ", ".join(expression(part) for part in node.parts if not _is_text(part))
    return f"{template!r}.format({given})"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _is_text(node: ir.Expr) -> bool:
    return isinstance(node, ir.Literal) and isinstance(node.value, str)


def _is_plain(node: ir.Expr) -> bool:
    if isinstance(node, ir.Field):
        return isinstance(node.record, ir.Ref) and node.name.isidentifier()
    return isinstance(node, ir.Ref)
