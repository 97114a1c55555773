"""Python expressions as expressions of the language: parsed with `ast`, never evaluated.

What is not listed here does not exist: no attribute but the few methods below, no subscript but a
field's name or a constant index, no call but `len` and `str`.
"""

from __future__ import annotations

import ast
import string
import warnings
from collections.abc import Callable
from typing import Any

from guerdon.workflow import ir
from guerdon.workflow.findings import Refused

MAX_TEXT_CHARS = 40_000
MAX_NODES = 4_000
MAX_DEPTH = 40
MAX_NUMBER = 10**9

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "==", ast.IsNot: "!=",
}  # fmt: skip

OUTSIDE = "only operators, texts, lists, comparisons and bounded loops are part of the language"


def parse_text(text: str, *, is_expression: bool = False) -> Any:
    """The syntax tree of a text, if it is small enough to be walked safely.

    Raises:
        Refused: E101; it does not parse, or is too long, too large or too deep.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise Refused("E101", 0, f"{len(text)} characters; at most {MAX_TEXT_CHARS} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval" if is_expression else "exec")
    except SyntaxError as error:
        raise Refused("E101", error.lineno or 0, f"syntax: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        reason = " ".join(str(error).split())[:80] or "too deep"
        raise Refused("E101", 0, f"syntax: {reason}") from None
    _measure(tree)
    return tree


def _measure(tree: ast.AST) -> None:
    """Refuses a tree that a recursive walk should not enter; walks level by level itself."""
    level, num_nodes, depth = [tree], 0, 0
    while level:
        num_nodes += len(level)
        depth += 1
        if num_nodes > MAX_NODES or depth > MAX_DEPTH:
            line = getattr(level[0], "lineno", 0)
            raise Refused("E101", line, "too large or too deeply nested", "write a simpler program")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def name_of(text: str, line: int) -> str:
    """A variable's name, if it is one that may be used."""
    if text.startswith("_") and text != "_":
        raise Refused("E401", line, f"name {text!r} begins with an underscore", "rename it")
    if not text.isidentifier() or not text.isascii():
        raise Refused("E401", line, f"name {text[:40]!r} is not plain ASCII", "rename it")
    return text


class Expressions:
    """Reads expressions.

    Args:
        on_await: what to do with an ``await`` inside one, or with ``self.NAME(...)`` that has
            none; the reader of statements takes them out.
    """

    def __init__(self, on_await: Callable[[ast.expr], ir.Expr] | None = None) -> None:
        self._on_await = on_await

    def read(self, node: ast.expr) -> ir.Expr:
        """The expression.

        Raises:
            Refused: E401; it is not part of the language.
        """
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            raise _outside(node)
        found: ir.Expr = reader(node)
        return found

    def read_all(self, nodes: list[ast.expr]) -> tuple[ir.Expr, ...]:
        """Several expressions."""
        return tuple(self.read(node) for node in nodes)

    def pure(self) -> Expressions:
        """A reader that lets no await through: for what may run any number of times."""
        return Expressions()

    # --- one method for each kind of node ---------------------------------------------------------

    def _constant(self, node: ast.Constant) -> ir.Expr:
        value = node.value
        if not isinstance(value, str | bool | int | float):
            raise Refused("E401", node.lineno, f"constant {str(value)[:20]!r}", OUTSIDE)
        if not isinstance(value, str) and not abs(value) <= MAX_NUMBER:
            raise Refused("E401", node.lineno, "number is too large", f"at most {MAX_NUMBER}")
        return ir.Literal(value)

    def _name(self, node: ast.Name) -> ir.Expr:
        return ir.Ref(name_of(node.id, node.lineno))

    def _attribute(self, node: ast.Attribute) -> ir.Expr:
        if isinstance(node.value, ast.Name) and node.value.id in ("prompt_custom", "prompt"):
            return ir.Ref(name_of(node.attr, node.lineno))
        raise Refused("E401", node.lineno, f"attribute .{node.attr[:40]}", OUTSIDE)

    def _subscript(self, node: ast.Subscript) -> ir.Expr:
        key = node.slice
        sign = 1
        if isinstance(key, ast.UnaryOp) and isinstance(key.op, ast.USub):
            key, sign = key.operand, -1
        if isinstance(key, ast.Constant) and type(key.value) is int and key.value <= MAX_NUMBER:
            return ir.Item(self.read(node.value), sign * key.value)
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and sign == 1:
            return ir.Field(self.read(node.value), key.value)
        raise Refused("E401", node.lineno, "subscript", 'write result["field"] or items[0]')

    def _joinedstr(self, node: ast.JoinedStr) -> ir.Expr:
        parts = []
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                if value.format_spec is not None or value.conversion not in (-1, ord("s")):
                    raise Refused("E401", node.lineno, "format in an f-string", "write {name}")
                parts.append(self.read(value.value))
            else:
                parts.append(self.read(value))
        return ir.join(parts)

    def _list(self, node: ast.List) -> ir.Expr:
        return ir.ListOf(self.read_all(node.elts))

    def _binop(self, node: ast.BinOp) -> ir.Expr:
        if not isinstance(node.op, ast.Add):
            raise Refused("E401", node.lineno, f"operator {type(node.op).__name__}", OUTSIDE)
        left = self.read(node.left)
        return ir.Plus(left, self.read(node.right))

    def _unaryop(self, node: ast.UnaryOp) -> ir.Expr:
        if isinstance(node.op, ast.Not):
            return ir.Not(self.read(node.operand))
        operand = node.operand
        is_number = isinstance(operand, ast.Constant) and type(operand.value) in (int, float)
        if isinstance(node.op, ast.USub) and is_number:
            value = self.read(operand)
            assert isinstance(value, ir.Literal) and not isinstance(value.value, str)
            return ir.Literal(-value.value)
        raise Refused("E401", node.lineno, f"operator {type(node.op).__name__}", OUTSIDE)

    def _compare(self, node: ast.Compare) -> ir.Expr:
        if len(node.ops) != 1:
            raise Refused("E401", node.lineno, "chained comparison", "join two with 'and'")
        left = self.read(node.left)
        return ir.Compare(left, _COMPARISONS[type(node.ops[0])], self.read(node.comparators[0]))

    def _boolop(self, node: ast.BoolOp) -> ir.Expr:
        first = self.read(node.values[0])
        rest = self.pure().read_all(node.values[1:])
        return ir.Logic("and" if isinstance(node.op, ast.And) else "or", (first, *rest))

    def _ifexp(self, node: ast.IfExp) -> ir.Expr:
        condition = self.read(node.test)
        then, other = self.pure().read_all([node.body, node.orelse])
        return ir.Choose(condition, then, other)

    def _listcomp(self, node: ast.ListComp) -> ir.Expr:
        return self._each(node.elt, node.generators, node.lineno)

    def _generatorexp(self, node: ast.GeneratorExp) -> ir.Expr:
        return self._each(node.elt, node.generators, node.lineno)

    def _each(self, value: ast.expr, loops: list[ast.comprehension], line: int) -> ir.Expr:
        loop = loops[0]
        if len(loops) > 1 or loop.is_async or len(loop.ifs) > 1:
            raise Refused("E401", line, "comprehension", "use one 'for' and at most one 'if'")
        if not isinstance(loop.target, ast.Name):
            raise Refused("E401", line, "comprehension over several variables", "use one variable")
        items = self.read(loop.iter)
        inner = self.pure()
        where = inner.read(loop.ifs[0]) if loop.ifs else None
        return ir.Each(inner.read(value), name_of(loop.target.id, line), items, where)

    def _await(self, node: ast.expr) -> ir.Expr:
        if self._on_await is None:
            message = "await in a place that may not be reached, or is reached again"
            hint = "call the operator in a statement of its own"
            raise Refused("E401", node.lineno, message, hint)
        return self._on_await(node)

    def _call(self, node: ast.Call) -> ir.Expr:
        function, arguments = node.func, node.args
        if isinstance(function, ast.Name) and function.id in ir.FUNCTIONS:
            if len(arguments) == 1 and not node.keywords:
                return ir.Apply(function.id, self.read_all(arguments))
        elif isinstance(function, ast.Attribute):
            if isinstance(function.value, ast.Name) and function.value.id == "self":
                return self._await(node)
            return self._method(node, function)
        raise Refused("E401", node.lineno, f"call of {ast.unparse(function)[:40]}", OUTSIDE)

    def _method(self, node: ast.Call, function: ast.Attribute) -> ir.Expr:
        name, arguments = function.attr, node.args
        if name == "get" and arguments and isinstance(arguments[0], ast.Constant):
            key = arguments[0].value
            if isinstance(key, str) and len(arguments) <= 2 and not node.keywords:
                return ir.Field(self.read(function.value), key)  # a field is always there
        if name == "format" and isinstance(function.value, ast.Constant):
            return self._formatted(node, function.value.value)
        least, most = ir.METHODS.get(name, (0, -1))
        if not least <= len(arguments) <= most or node.keywords:
            raise Refused("E401", node.lineno, f"method .{name[:40]}() as used here", OUTSIDE)
        target = self.read(function.value)
        return ir.Apply(name, (target, *self.read_all(arguments)))

    def _formatted(self, node: ast.Call, template: Any) -> ir.Expr:
        """``"... {} {name}".format(...)`` as a `Join`; a field has no attribute and no index."""
        named = {word.arg: word.value for word in node.keywords}
        parts: list[ir.Expr] = []
        free = iter(node.args)
        try:
            pieces = list(string.Formatter().parse(template))
            for text, key, spec, conversion in pieces:
                parts.append(ir.Literal(text))
                if key is not None:
                    if spec or conversion:
                        raise ValueError
                    number = node.args[int(key)] if key.isdigit() else None
                    value = next(free) if key == "" else named[key] if number is None else number
                    parts.append(self.read(value))
        except (ValueError, TypeError, KeyError, IndexError, StopIteration):
            raise Refused("E401", node.lineno, "format as used here", "use an f-string") from None
        return ir.join(parts)


def _outside(node: ast.expr) -> Refused:
    what = type(node).__name__
    named = {"Lambda": "lambda", "Dict": "dict", "Set": "set", "NamedExpr": ":=", "Yield": "yield"}
    return Refused("E401", node.lineno, f"{named.get(what, what)} is not part of the language",
                   OUTSIDE)  # fmt: skip
