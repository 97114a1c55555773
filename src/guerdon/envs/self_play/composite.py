"""Programs as text to work on: made into helpers of others, put together, stripped of comments."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from guerdon.envs.self_play.programs import ENTRY, Unfit, top_level


def helper_name(number: int) -> str:
    """What the helper of this number is called."""
    return f"g_{number}"


def as_helper(program: str, number: int) -> str | None:
    """A program as a helper: its f under the helper's name; None if it defines more than f."""
    tree = ast.parse(program)
    alone = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    renamed = _Renamed(ENTRY, helper_name(number))
    if len(alone) != 1 or not isinstance(top_level(tree).get(ENTRY), ast.FunctionDef):
        return None
    tree = renamed.visit(tree)
    return None if renamed.is_shadowed else ast.unparse(tree)


def put_together(helpers: Sequence[str], program: str) -> str:
    """The helpers, then the program.

    Raises:
        Unfit: the program does not call one of them, or gives its name to something else.
    """
    tree = ast.parse(program)
    names = [helper_name(number) for number in range(len(helpers))]
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    for name in names:
        if name in _bound(tree):
            raise Unfit("allowed", f"{name} is given and may not be defined again")
        if name not in called:
            raise Unfit("allowed", f"{name} is never called")
    return "\n\n".join([*helpers, program])


def without_comments(program: str) -> str:
    """The program without comments and docstrings."""
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
            while node.body and _is_text(node.body[0]) and len(node.body) > 1:
                node.body.pop(0)
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)


def _bound(tree: ast.Module) -> set[str]:
    """Every name the program gives to something."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name)
    return found


class _Renamed(ast.NodeTransformer):
    """Gives a function another name, where it is defined and where it is used."""

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new
        self.is_shadowed = False
        """Something else has the old name, too: the program cannot be renamed safely."""
        self._num_defined = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == self._old:
            node.name = self._new
            self._num_defined += 1
            self.is_shadowed |= self._num_defined > 1
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.is_shadowed |= node.arg == self._old
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == self._old:
            self.is_shadowed |= not isinstance(node.ctx, ast.Load)
            node.id = self._new
        return node
