"""Programs that a model wrote, looked at and run: is this a program that a task can be made of?

Looked at here, run in the sandbox only. The same rules hold for who proposes and who solves.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.envs.self_play.literals import NotLiteral, read_arguments, show, show_arguments
from guerdon.errors import ConfigError
from guerdon.sandbox import Sandbox, Status

ENTRY = "f"
"""What a program's function is called."""

IMPORTS = (
    "bisect", "collections", "copy", "dataclasses", "decimal", "fractions", "functools", "heapq",
    "itertools", "math", "operator", "re", "statistics", "string", "typing",
)  # fmt: skip
"""What a program may import: nothing that knows the time, chance or the machine."""

FORBIDDEN = frozenset(
    ("breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "locals", "open",
     "setattr")
)  # fmt: skip
"""Names a program may not use: they reach for what is not in the program."""

MAX_DEPTH = 200
"""Of a program's syntax tree."""

FUNNEL = ("form", "syntax", "allowed", "input", "new", "runs", "deterministic", "plain")
"""What a proposal must pass, in this order."""


class Unfit(Exception):
    """A program or a task that does not pass; ``stage`` is one of `FUNNEL`."""

    def __init__(self, stage: str, why: str) -> None:
        super().__init__(f"{stage}: {why}")
        self.stage = stage


@dataclass(frozen=True, slots=True)
class Ran:
    """How one call of a program ended: a value, or the class of its error."""

    arguments: str
    """As they were read, in a form that is always the same."""
    value: Any = None
    error: str | None = None

    @property
    def shown(self) -> str:
        """The value as text, or the error's class."""
        return show(self.value) if self.error is None else self.error


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where programs are looked at and run.

    Args:
        sandbox: runs them.
        imports: what they may import; the sandbox should load them beforehand.
        max_program_chars: of a program.
        max_value_chars: of the text of an input or an output: longer ones are refused, never cut.
    """

    sandbox: Sandbox
    imports: Sequence[str] = IMPORTS
    max_program_chars: int = 4000
    max_value_chars: int = 400

    def __post_init__(self) -> None:
        missing = sorted(set(self.imports) - set(self.sandbox.imports))
        if missing and self.sandbox.only_imports:
            raise ConfigError(
                f"imports {', '.join(missing)}: the sandbox refuses them; add them to its imports"
            )

    def look_at(self, program: str) -> ast.Module:
        """Read a program, without running it.

        Raises:
            Unfit: it is too long, no Python, defines no function f with a parameter, or uses what
                it may not.
        """
        if len(program) > self.max_program_chars:
            raise Unfit("syntax", f"more than {self.max_program_chars} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(program)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise Unfit("syntax", f"{error!s:.100}") from error
        if why := _without_entry(tree) or _too_deep(tree):
            raise Unfit("syntax", why)
        if why := next(_not_allowed(tree, self.imports), None):
            raise Unfit("allowed", why)
        return tree

    def read_input(self, text: str) -> tuple[list[Any], dict[str, Any], str]:
        """Arguments as data, and as text in a form that is always the same.

        Raises:
            Unfit: they are no literals, too many or too long.
        """
        try:
            args, kwargs = read_arguments(text)
            shown = show_arguments(args, kwargs)
        except NotLiteral as error:
            raise Unfit("input", str(error)) from error
        if not args and not kwargs:
            raise Unfit("input", "no argument")
        if len(shown) > self.max_value_chars:
            raise Unfit("input", f"more than {self.max_value_chars} characters")
        return args, kwargs, shown

    async def run(self, program: str, arguments: str, *, twice: bool = False) -> Ran:
        """Call f once, or in two processes with different hash seeds.

        Raises:
            Unfit: the arguments are no data, f does not end in time, its two runs differ, or what
                it gives is no plain value or too large a one. That f raises is a result.
            SandboxError: the sandbox failed.
        """
        args, kwargs, shown = self.read_input(arguments)
        result = await self.sandbox.call(program, ENTRY, args, kwargs, twice=twice)
        if result.status is Status.exception:
            return Ran(shown, error=result.exception)
        if result.status is Status.nondeterministic:
            raise Unfit("deterministic", "two runs with different hash seeds differ")
        if result.status in (Status.refused, Status.too_large):
            raise Unfit("plain", result.note or result.status.value)
        if not result.ok:
            raise Unfit("runs", result.note or result.status.value)
        if len(show(result.value)) > self.max_value_chars:
            raise Unfit("plain", f"more than {self.max_value_chars} characters")
        return Ran(shown, result.value)


def top_level(tree: ast.Module) -> Mapping[str, ast.stmt]:
    """Functions and classes a program defines, the last of a name."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


def _without_entry(tree: ast.Module) -> str | None:
    entry = top_level(tree).get(ENTRY)
    if not isinstance(entry, ast.FunctionDef):
        return f"no function {ENTRY}"
    told = entry.args
    if not (told.posonlyargs or told.args or told.kwonlyargs or told.vararg or told.kwarg):
        return f"{ENTRY} has no parameter"
    return None


def _too_deep(tree: ast.Module) -> str | None:
    """Level by level, since whatever descends into a tree may run out of stack."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
    return f"nested more than {MAX_DEPTH} deep"


def _not_allowed(tree: ast.Module, imports: Sequence[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                named = [alias.name for alias in names]
            case ast.ImportFrom(module=module, level=level, names=names):
                named = ["." if level else str(module)]
                yield from (f"{a.name} may not be imported" for a in names if _is_inner(a.name))
            case ast.Name(id=name) if name in FORBIDDEN or _is_inner(name):
                yield f"{name} may not be used"
                continue
            case ast.Attribute(attr=name) if _is_inner(name):
                yield f".{name} may not be used"
                continue
            case _:
                continue
        yield from (
            f"import of {name:.50} is not allowed"
            for name in named
            if name.split(".")[0] not in imports
        )


def _is_inner(name: str) -> bool:
    """Whether a name is one of the language's own (__class__): the way out of a program."""
    is_one = len(name) > 4 and name.startswith("__") and name.endswith("__")
    return is_one and name not in _HARMLESS


_HARMLESS = frozenset(("__init__", "__name__", "__post_init__"))
