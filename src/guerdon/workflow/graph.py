"""A workflow as a graph of steps, with what each one did in a run, and the texts that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from guerdon.workflow import ir
from guerdon.workflow.printing import expression
from guerdon.workflow.trace import NodeRun, Run

Shape = Literal["start", "call", "branch", "loop", "answer"]

MAX_LABEL = 60


@dataclass(frozen=True, slots=True)
class Node:
    """One step; ``runs`` are its uses in a run."""

    id: str
    shape: Shape
    label: str
    runs: tuple[NodeRun, ...] = ()

    @property
    def status(self) -> str:
        """The worst of its uses; "" if it was not reached."""
        found = {run.status for run in self.runs}
        order = ("failed", "over_budget", "timeout", "cancelled", "ok")
        return next((status for status in order if status in found), "")

    @property
    def facts(self) -> str:
        """What its uses took: calls, tokens, money, seconds."""
        return facts(self.runs)


@dataclass(frozen=True, slots=True)
class Edge:
    """From one step to the next."""

    source: str
    target: str
    label: str = ""


@dataclass
class Graph:
    """Steps in the order of the text."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


def facts(runs: tuple[NodeRun, ...]) -> str:
    """What some uses of operators took, in one line; what is not known is left out."""
    if not runs:
        return ""
    calls = sum(len(run.calls) for run in runs)
    parts = [f"{len(runs)}x"] if len(runs) > 1 else []
    parts.append(f"{calls} call{'s' * (calls != 1)}")
    tokens = [run.num_tokens for run in runs]
    known = [count for count in tokens if count is not None]
    parts += [f"{sum(known)} tokens"] if len(known) == len(tokens) and any(known) else []
    costs = [run.usd for run in runs if run.usd is not None]
    parts += [f"${sum(costs):.6f}"] if len(costs) == len(runs) and calls else []
    return " · ".join([*parts, f"{max(run.seconds for run in runs):.2f} s"])


def build_graph(program: ir.Program, run: Run | None = None) -> Graph:
    """The graph of a program, with the uses of a run of it."""
    return _Builder(program, run).graph


Exits = list[tuple[str, str]]
"""Where control comes from: (node, label of the edge)."""


class _Builder:
    def __init__(self, program: ir.Program, run: Run | None) -> None:
        self.graph = Graph()
        self._sites = {id(call): site for site, call in enumerate(ir.calls(program.body))}
        self._runs = () if run is None else run.nodes
        self._leaving: list[Exits] = []
        start = self._add("start", f"problem{' + TASK_PROMPT' * (program.task_prompt is not None)}")
        self._block(program.body, [(start, "")])

    def _add(self, shape: Shape, label: str, call: ir.Call | None = None) -> str:
        name = f"n{len(self.graph.nodes)}"
        runs = () if call is None else tuple(
            run for run in self._runs if run.site == self._sites[id(call)]
        )  # fmt: skip
        self.graph.nodes.append(Node(name, shape, _short(label), runs))
        return name

    def _link(self, exits: Exits, target: str) -> Exits:
        self.graph.edges += [Edge(source, target, label) for source, label in exits]
        return [(target, "")]

    def _block(self, body: tuple[ir.Stmt, ...], exits: Exits) -> Exits:
        for stmt in body:
            exits = self._statement(stmt, exits)
        return exits

    def _statement(self, stmt: ir.Stmt, exits: Exits) -> Exits:
        if isinstance(stmt, ir.Call):
            return self._link(exits, self._add("call", f"{stmt.target} = {stmt.operator}", stmt))
        if isinstance(stmt, ir.Fan):
            times = str(stmt.over) if isinstance(stmt.over, int) else expression(stmt.over)
            label = f"{stmt.target} = {stmt.call.operator} x {times}"
            return self._link(exits, self._add("call", label, stmt.call))
        if isinstance(stmt, ir.Parallel):
            found: Exits = []
            for call in stmt.calls:
                node = self._add("call", f"{call.target} = {call.operator}", call)
                found += self._link(exits, node)
            return found
        if isinstance(stmt, ir.If):
            node = self._add("branch", expression(stmt.condition))
            self._link(exits, node)
            then = self._block(stmt.then, [(node, "yes")])
            return then + self._block(stmt.other, [(node, "no")])
        if isinstance(stmt, ir.Loop):
            return self._loop(stmt, exits)
        if isinstance(stmt, ir.Return):
            self._link(exits, self._add("answer", f"return {expression(stmt.value)}"))
            return []
        if isinstance(stmt, ir.Break) and self._leaving:
            self._leaving[-1] += exits
            return []
        return exits

    def _loop(self, stmt: ir.Loop, exits: Exits) -> Exits:
        over = f"{stmt.over} times" if isinstance(stmt.over, int) else expression(stmt.over)
        node = self._add(
            "loop", f"at most {over}" if isinstance(stmt.over, int) else f"each {over}"
        )
        self._link(exits, node)
        self._leaving.append([])
        self._link(self._block(stmt.body, [(node, "")]), node)
        return [(node, "done"), *self._leaving.pop()]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
