"""`guerdon list`: what a configuration can name. Reads source files, imports nothing heavy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

PACKAGE = Path(__file__).parent.parent

METHOD_OF = {
    "algorithms": ("estimate", "algorithms"),
    "engines": ("generate", "engines"),
    "envs": ("rollout", "envs"),
    "games": ("reset", "envs"),
    "rewards": ("__call__", "rewards"),
    "tasks": ("load", "data", "envs"),
    "models": ("save", "tiny.py"),
}
"""Kind -> the method that makes a class one of them, and where to look."""


class Kind(StrEnum):
    """What can be listed."""

    configs = "configs"
    algorithms = "algorithms"
    engines = "engines"
    envs = "envs"
    games = "games"
    rewards = "rewards"
    tasks = "tasks"
    models = "models"


def list_(kind: Annotated[Kind | None, typer.Argument(help="Default: everything.")] = None) -> None:
    """List shipped configurations and the components a YAML can name with _target_."""
    for one in [kind] if kind else list(Kind):
        rows = list(configs() if one is Kind.configs else components(one))
        rows = [*shipped_envs(), *rows] if one is Kind.envs else rows
        typer.echo(f"{one.value}:")
        width = max((len(name) for name, _ in rows), default=0)
        for name, what in rows:
            typer.echo(f"  {name:<{width}}  {what}")


def configs() -> Iterator[tuple[str, str]]:
    """(name, first comment line) of each shipped configuration."""
    for file in sorted((PACKAGE / "conf").glob("*.yaml")):
        yield file.stem, file.read_text().splitlines()[0].lstrip("# ")


def shipped_envs() -> Iterator[tuple[str, str]]:
    """(name, what it is) of each environment that comes with its tasks."""
    for file in sorted((PACKAGE / "conf" / "env").glob("*.yaml")):
        yield file.stem, file.read_text(encoding="utf-8").splitlines()[1].lstrip("# ")


def components(kind: str) -> Iterator[tuple[str, str]]:
    """(dotted path, first line of the docstring) of each public class of a kind."""
    method, *places = METHOD_OF[kind]
    roots = [PACKAGE / place for place in places]
    files = [file for root in roots for file in ([root] if root.is_file() else root.rglob("*.py"))]
    classes = {node.name: (file, node) for file in files for node in _classes(file)}
    for name, (file, node) in sorted(classes.items()):
        if _has(node, method, classes) and not _is_private(node):
            module = ".".join(["guerdon", *file.relative_to(PACKAGE).with_suffix("").parts])
            summary = (ast.get_docstring(node) or "").split("\n\n")[0]
            yield f"{module}.{name}", shorten(summary, 100, placeholder=" ...")


def _classes(file: Path) -> list[ast.ClassDef]:
    return [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]


def _is_private(node: ast.ClassDef) -> bool:
    """Not something to name in a YAML: an underscore, or a protocol."""
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return node.name.startswith("_") or "Protocol" in bases


def _has(node: ast.ClassDef, method: str, classes: dict[str, tuple[Path, ast.ClassDef]]) -> bool:
    """Whether a class or one it inherits from defines the method."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    if any(isinstance(item, functions) and item.name == method for item in node.body):
        return True
    bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in classes]
    return any(_has(classes[base][1], method, classes) for base in bases)
