"""Restricted Python in the shape of AFlow's ``Workflow`` class, read with `ast` and never executed.

    class Workflow:
        def __init__(self, name, llm_config, dataset):
            self.llm = create_llm_instance(llm_config)
            self.custom = Custom(self.llm)

        async def __call__(self, problem: str):
            solution = await self.custom(input=problem, instruction="Think first.")
            return solution["response"], self.llm.get_usage_summary()["total_cost"]

Imports come from a fixed table and are ignored; the second returned value is ignored too.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeGuard

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.expressions import OUTSIDE, name_of, parse_text
from guerdon.workflow.fences import fenced_blocks
from guerdon.workflow.findings import Finding, Refused
from guerdon.workflow.statements import Statements, is_plain

_MODULE = re.compile(r"(typing|asyncio|__future__|(scripts|workspace|metagpt)(\.\w+)*)")
_OPERATORS = re.compile(r"(scripts|workspace|metagpt)(\.\w+)*\.operators?")

MAX_SCANNED_CHARS = 200_000
"""Of a reply, when its program is looked for."""


@dataclass(frozen=True)
class Draft:
    """A text as far as it could be read.

    ``program`` is what the text means if what was found is forgiven: with an import added, a call
    awaited. None: nothing could be read.
    """

    program: ir.Program | None
    findings: tuple[Finding, ...] = ()
    lost: frozenset[str] = frozenset()
    """Variables whose assignment could not be read."""


def extract(reply: str) -> str:
    """The program in a model's reply: its fenced block, or all of it."""
    reply = reply[:MAX_SCANNED_CHARS]
    blocks = [content for _, content in fenced_blocks(reply)]
    whole = [block for block in blocks if "class Workflow" in block]
    found = (whole or blocks)[-1:] or [reply]
    return found[0].strip("\n")


def parse_python(text: str, catalog: Catalog) -> Draft:
    """A program and all that is wrong with its text; what a program means is `validate`'s part."""
    try:
        tree = parse_text(text)
    except Refused as error:
        return Draft(None, (error.finding,))
    return _Reader(catalog).read(tree)


@dataclass
class _Reader:
    """Reads the module and the class around the body."""

    catalog: Catalog
    findings: list[Finding] = field(default_factory=list)
    imported: set[str] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    """Names of modules of operators."""
    created: dict[str, str] = field(default_factory=dict)
    """``self.NAME`` -> the operator's class."""
    prompts: dict[str, str] = field(default_factory=dict)

    def read(self, tree: ast.Module) -> Draft:
        workflow = None
        for node in tree.body:
            try:
                if isinstance(node, ast.ClassDef) and node.name == "Workflow":
                    workflow = node
                else:
                    self._top(node)
            except Refused as error:
                self.findings.append(error.finding)
        if workflow is None:
            self._note("E102", 0, "no class Workflow", "write class Workflow with __call__")
            return Draft(None, tuple(self.findings))
        return self._class(workflow)

    def _note(self, code: str, line: int, message: str, hint: str = "", subject: str = "") -> None:
        self.findings.append(Finding(code, line, message, hint, subject))

    # --- the module -------------------------------------------------------------------------------

    def _top(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self._import(alias.name, alias.asname or alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            self._import(node.module or "", None, node.lineno)
            named = {alias.asname or alias.name for alias in node.names}
            if _OPERATORS.fullmatch(node.module or ""):
                self.imported |= named
            elif named & {"operator", "operators"}:
                self.aliases |= named & {"operator", "operators"}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            self._constant(node)
        elif not _is_docstring(node):
            raise Refused("E401", node.lineno, f"{type(node).__name__.lower()} beside the class",
                          "only imports, prompts and class Workflow")  # fmt: skip

    def _import(self, module: str, alias: str | None, line: int) -> None:
        if not _MODULE.fullmatch(module):
            raise Refused("E401", line, f"import of {module[:40] or '.'}", "nothing is imported")
        if alias is not None and _OPERATORS.fullmatch(module):
            self.aliases.add(alias)

    def _constant(self, node: ast.Assign | ast.AnnAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if len(targets) != 1 or not isinstance(targets[0], ast.Name) or node.value is None:
            raise Refused("E401", node.lineno, "assignment beside the class", OUTSIDE)
        name = name_of(targets[0].id, node.lineno)
        try:
            text = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            text = None
        if not isinstance(text, str):
            raise Refused("E401", node.lineno, f"{name} is no constant text", 'write NAME = "..."')
        self.prompts[name] = text

    # --- the class --------------------------------------------------------------------------------

    def _class(self, workflow: ast.ClassDef) -> Draft:
        if workflow.bases or workflow.keywords or workflow.decorator_list:
            self._note("E401", workflow.lineno, "class Workflow with bases or decorators", OUTSIDE)
        entry: ast.AsyncFunctionDef | ast.FunctionDef | None = None
        for node in workflow.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
                self._note("E401", node.lineno, "decorator", OUTSIDE)
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                self._init(node)
            elif _is_entry(node):
                entry = node
            elif not _is_docstring(node) and not isinstance(node, ast.Pass):
                self._note("E401", node.lineno, "member of Workflow", "only __init__ and __call__")
        if entry is None:
            self._note("E102", workflow.lineno, "Workflow has no __call__")
            return Draft(None, tuple(self.findings))
        return self._entry(entry)

    def _init(self, function: ast.FunctionDef) -> None:
        given = function.args
        defaults = [one for one in [*given.defaults, *given.kw_defaults] if one is not None]
        annotations = [function.returns, *(one.annotation for one in given.args)]
        if not all(isinstance(one, ast.Constant) for one in defaults) or not all(
            map(is_plain, annotations)
        ):
            self._note("E401", function.lineno, "default or annotation of __init__", OUTSIDE)
        for node in function.body:
            if isinstance(node, ast.Pass) or _is_docstring(node):
                continue
            try:
                self._member(node)
            except Refused as error:
                self.findings.append(error.finding)

    def _member(self, node: ast.stmt) -> None:
        """``self.NAME = ...`` of __init__."""
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        if not (isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"):
            raise Refused(
                "E401", node.lineno, "statement in __init__", "only self.x = Operator(...)"
            )
        value = node.value  # type: ignore[attr-defined]
        if isinstance(value, ast.Name | ast.Constant):
            return  # self.name = name
        if not isinstance(value, ast.Call):
            raise Refused("E401", node.lineno, f"value of self.{target.attr}", OUTSIDE)
        made = ast.unparse(value.func)
        given = [ast.unparse(one) for one in value.args]
        given += [ast.unparse(word.value) for word in value.keywords]
        if made in ("create_llm_instance", "create"):
            return
        if given != ["self.llm"]:
            raise Refused("E401", node.lineno, f"arguments of {made[:40]}", "Operator(self.llm)")
        self._create(target.attr, made, node.lineno)

    def _create(self, attribute: str, made: str, line: int) -> None:
        module, _, name = made.rpartition(".")
        self.created[attribute] = name
        if name not in self.catalog.operators:
            close = get_close_matches(name, self.catalog.operators, n=1)
            hint = f"did you mean {close[0]}?" if close else "there are: " + ", ".join(
                self.catalog.operators
            )  # fmt: skip
            self._note("E201", line, f"unknown operator {name[:40]!r}", hint, name)
        elif (module not in self.aliases) if module else (name not in self.imported):
            self._note("E203", line, f"{made} is not imported",
                       f"add from scripts.operators import {name}", name)  # fmt: skip

    def _entry(self, function: ast.AsyncFunctionDef | ast.FunctionDef) -> Draft:
        given = function.args
        names = [one.arg for one in given.args]
        extra = given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs
        if not isinstance(function, ast.AsyncFunctionDef):
            self._note("E103", function.lineno, "__call__ is not async", "write async def __call__")
        if not all(
            is_plain(one) for one in [function.returns, *(a.annotation for a in given.args)]
        ):
            self._note("E401", function.lineno, "annotation", "leave it out")
        if extra or given.defaults or names[:1] != ["self"]:
            self._note("E103", function.lineno, "signature of __call__",
                       "write self and plain parameters")  # fmt: skip
        reader = Statements(self.catalog, self.created, function)
        body = reader.read(function.body)
        self.findings += reader.findings
        task_prompt = self.prompts.pop("TASK_PROMPT", None)
        parameters = tuple(name for name in names if name != "self")
        program = ir.Program(body, parameters, task_prompt, tuple(self.prompts.items()))
        return Draft(program, tuple(self.findings), frozenset(reader.lost))


def _is_entry(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "__call__"


def _is_docstring(node: ast.stmt) -> bool:
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant and isinstance(node.value.value, str)  # type: ignore[attr-defined]
