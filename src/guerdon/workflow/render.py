"""A workflow, or a run of one, as Mermaid, as DOT, and as a web page that needs nothing else."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from html import escape

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.dsl import to_dsl, to_statements
from guerdon.workflow.graph import Graph, Node, build_graph, facts
from guerdon.workflow.printing import expression
from guerdon.workflow.trace import NodeRun, Run

_COLOURS = {"ok": "#d9f0dd", "failed": "#f6d0cf", "over_budget": "#f9e3c0", "timeout": "#f9e3c0",
            "cancelled": "#e4e4e4"}  # fmt: skip

_MERMAID = {"start": "([{}])", "call": "[{}]", "branch": "{{{}}}", "loop": "{{{{{}}}}}",
            "answer": "([{}])"}  # fmt: skip

_DOT = {"start": "oval", "call": "box", "branch": "diamond", "loop": "hexagon", "answer": "oval"}


def to_mermaid(program: ir.Program, run: Run | None = None) -> str:
    """A Mermaid flowchart."""
    graph = build_graph(program, run)
    lines = ["flowchart TD"]
    for node in graph.nodes:
        text = "<br/>".join(_mermaid_text(line) for line in _lines(node))
        lines.append(f"    {node.id}" + _MERMAID[node.shape].format(f'"{text}"'))
    for edge in graph.edges:
        label = f"|{edge.label}|" if edge.label else ""
        lines.append(f"    {edge.source} -->{label} {edge.target}")
    lines += [f"    style {node.id} fill:{_COLOURS[node.status]}" for node in _coloured(graph)]
    return "\n".join(lines) + "\n"


def to_dot(program: ir.Program, run: Run | None = None) -> str:
    """A graph for Graphviz."""
    graph = build_graph(program, run)
    lines = ["digraph workflow {", "    node [fontname=sans-serif fontsize=11];"]
    for node in graph.nodes:
        label = "\\n".join(_dot_text(line) for line in _lines(node))
        colour = _COLOURS.get(node.status)
        filled = f' style=filled fillcolor="{colour}"' if colour else ""
        lines.append(f'    {node.id} [shape={_DOT[node.shape]} label="{label}"{filled}];')
    for edge in graph.edges:
        label = f' [label="{edge.label}"]' if edge.label else ""
        lines.append(f"    {edge.source} -> {edge.target}{label};")
    return "\n".join([*lines, "}"]) + "\n"


def to_html(program: ir.Program, catalog: Catalog, run: Run | None = None) -> str:
    """A page of its own: the workflow as nested boxes, with what each step was given and said."""
    return _Page(program, catalog, run).text()


def to_diff(left: ir.Program, right: ir.Program) -> str:
    """Statements that differ, and how often each operator is used; "" for equal programs."""
    if left == right:
        return ""
    old, new = (to_statements(program).splitlines() for program in (left, right))
    lines = [*difflib.unified_diff(old, new, "left", "right", lineterm="", n=1)]
    before, after = (Counter(c.operator for c in ir.calls(one.body)) for one in (left, right))
    lines += [f"{name}: {before[name]} -> {after[name]}" for name in sorted(before | after)
              if before[name] != after[name]]  # fmt: skip
    return "\n".join(lines) + "\n"


def _coloured(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.status in _COLOURS]


def _lines(node: Node) -> list[str]:
    status = f"{node.status}: {node.facts}" if node.runs else ""
    return [node.label, *([status] if status else [])]


def _mermaid_text(text: str) -> str:
    return "".join(f"#{ord(c)};" if c in '"<>{}[]()|#&`\\' else c for c in text)


def _dot_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
.seq{display:flex;flex-direction:column;align-items:center;gap:.6rem}
.par,.if{display:flex;gap:1rem;align-items:flex-start;justify-content:center}
.box{border:1px solid #999;border-radius:.4rem;padding:.4rem .7rem;background:#fff;max-width:60rem}
.loop,.side{border:1px dashed #999;border-radius:.6rem;padding:.6rem}
.ok{background:#d9f0dd}.failed{background:#f6d0cf}.cancelled{background:#e4e4e4}
.over_budget,.timeout{background:#f9e3c0}
small{color:#555}pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:20rem;overflow:auto;
background:#f5f5f5;padding:.4rem;font-size:13px}
"""


class _Page:
    """Writes the page; everything that comes from a program or a model is escaped."""

    def __init__(self, program: ir.Program, catalog: Catalog, run: Run | None) -> None:
        self._program, self._catalog, self._run = program, catalog, run
        self._sites = {id(call): site for site, call in enumerate(ir.calls(program.body))}

    def text(self) -> str:
        head = "<h1>Workflow</h1>" if self._run is None else self._outcome(self._run)
        source = escape(to_dsl(self._program, self._catalog))
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Workflow</title>'
            f"<style>{_STYLE}</style><body>{head}<pre>{source}</pre>"
            f'<div class="seq">{self._block(self._program.body)}</div></body></html>\n'
        )

    def _outcome(self, run: Run) -> str:
        answer = run.error if run.answer is None else run.answer
        return (
            f"<h1>Workflow: {escape(run.status)}</h1><p><small>{escape(facts(run.nodes))}</small>"
            f"</p><h2>Problem</h2><pre>{escape(run.inputs.problem)}</pre>"
            f"<h2>Answer</h2><pre>{escape(answer)}</pre>"
        )

    def _block(self, body: tuple[ir.Stmt, ...]) -> str:
        return "".join(map(self._statement, body))

    def _statement(self, stmt: ir.Stmt) -> str:
        if isinstance(stmt, ir.Call):
            return self._call(stmt, "")
        if isinstance(stmt, ir.Fan):
            over = str(stmt.over) if isinstance(stmt.over, int) else expression(stmt.over)
            return self._call(stmt.call, f" x {over}")
        if isinstance(stmt, ir.Parallel):
            calls = "".join(self._call(call, "") for call in stmt.calls)
            return f'<div class="par">{calls}</div>'
        if isinstance(stmt, ir.If):
            sides = "".join(
                f'<div class="side"><small>{name}</small><div class="seq">{self._block(side)}</div>'
                "</div>"
                for name, side in (("yes", stmt.then), ("no", stmt.other))
            )
            condition = f'<div class="box">if {escape(expression(stmt.condition))}</div>'
            return f'{condition}<div class="if">{sides}</div>'
        if isinstance(stmt, ir.Loop):
            over = f"{stmt.over} times" if isinstance(stmt.over, int) else expression(stmt.over)
            inner = self._block(stmt.body)
            return (f'<div class="loop"><small>{escape(stmt.var)} in {escape(over)}</small>'
                    f'<div class="seq">{inner}</div></div>')  # fmt: skip
        if isinstance(stmt, ir.Assign):
            return f"<small>{escape(stmt.target)} = {escape(expression(stmt.value))}</small>"
        if isinstance(stmt, ir.Break):
            return '<div class="box">leave the loop</div>'
        return f'<div class="box">return {escape(expression(stmt.value))}</div>'

    def _call(self, call: ir.Call, times: str) -> str:
        site = self._sites[id(call)]
        runs = () if self._run is None else tuple(
            node for node in self._run.nodes if node.site == site
        )  # fmt: skip
        status = Node("", "call", "", runs).status
        title = (
            f"<b>{escape(call.operator)}</b>{escape(times)} <small>{escape(call.target)}</small>"
        )
        more = "".join(map(_details, runs))
        return (f'<div class="box {status}">{title}<br><small>{escape(facts(runs))}</small>'
                f"{more}</div>")  # fmt: skip


def _details(node: NodeRun) -> str:
    """What one use was given and said."""
    parts = [("inputs", node.inputs), ("outputs", node.outputs)]
    shown = "".join(f"<small>{name}</small><pre>{escape(_json(value))}</pre>"
                    for name, value in parts if value)  # fmt: skip
    for call in node.calls:
        asked = "\n".join(f"{message['role']}: {message['content']}" for message in call.messages)
        shown += (f"<small>{escape(call.model)}, sample {call.sample}</small>"
                  f"<pre>{escape(asked)}</pre><pre>{escape(call.text)}</pre>")  # fmt: skip
    for one in node.code_runs:
        outcome = f"{one.result.status} {one.result.error}".strip()
        shown += f"<small>sandbox: {escape(outcome)}</small><pre>{escape(one.program)}</pre>"
    error = f" {escape(node.error)}" if node.error else ""
    title = f"<summary>{escape(node.status)}{error}, {node.seconds:.2f} s</summary>"
    return f"<details>{title}{shown}</details>"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
