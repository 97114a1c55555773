"""`guerdon list`: what a configuration can name. Reads source files, imports nothing heavy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PACKAGE = Path(__file__).parent.parent

METHOD_OF = {
    "algorithms": ("algorithms", "estimate"),
    "engines": ("engines", "generate"),
    "envs": ("envs", "rollout"),
    "rewards": ("rewards", "__call__"),
    "tasks": ("data", "load"),
    "models": ("tiny.py", "save"),
}
"""Kind -> (where its classes are, the method that makes a class one of them)."""


class Kind(StrEnum):
    """What can be listed."""

    configs = "configs"
    algorithms = "algorithms"
    engines = "engines"
    envs = "envs"
    rewards = "rewards"
    tasks = "tasks"
    models = "models"


def list_(kind: Annotated[Kind | None, typer.Argument(help="Default: everything.")] = None) -> None:
    """List shipped configurations and the components a YAML can name with _target_."""
    for one in [kind] if kind else list(Kind):
        rows = list(configs() if one is Kind.configs else components(one))
        typer.echo(f"{one.value}:")
        width = max((len(name) for name, _ in rows), default=0)
        for name, what in rows:
            typer.echo(f"  {name:<{width}}  {what}")


def configs() -> Iterator[tuple[str, str]]:
    """(name, first comment line) of each shipped configuration."""
    for file in sorted((PACKAGE / "conf").glob("*.yaml")):
        yield file.stem, file.read_text().splitlines()[0].lstrip("# ")


def components(kind: str) -> Iterator[tuple[str, str]]:
    """(dotted path, first line of the docstring) of each public class of a kind."""
    place, method = METHOD_OF[kind]
    root = PACKAGE / place
    files = sorted(root.rglob("*.py")) if root.is_dir() else [root]
    classes = {node.name: (file, node) for file in files for node in _classes(file)}
    for name, (file, node) in sorted(classes.items()):
        if _has(node, method, classes) and not name.startswith("_"):
            module = ".".join(["guerdon", *file.relative_to(PACKAGE).with_suffix("").parts])
            summary = (ast.get_docstring(node) or "").split("\n\n")[0]
            yield f"{module}.{name}", " ".join(summary.split())[:100]


def _classes(file: Path) -> list[ast.ClassDef]:
    return [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]


def _has(node: ast.ClassDef, method: str, classes: dict[str, tuple[Path, ast.ClassDef]]) -> bool:
    """Whether a class or one it inherits from defines the method."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    if any(isinstance(item, functions) and item.name == method for item in node.body):
        return True
    bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in classes]
    return any(_has(classes[base][1], method, classes) for base in bases)
