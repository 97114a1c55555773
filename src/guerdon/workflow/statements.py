"""The body of ``Workflow.__call__`` as statements of the language.

Calls inside larger expressions become statements of their own; `asyncio.gather` and comprehensions
over calls become `Fan` and `Parallel`. What cannot be read is noted, and reading goes on after it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog, Operator
from guerdon.workflow.expressions import OUTSIDE, Expressions, name_of
from guerdon.workflow.findings import Finding, Refused

WHILE_BOUND = 3
"""How often a ``while`` would run once its repair has made it a ``for``."""

_COST = re.compile(
    r"self\.llm\.(cost_manager\.total_cost|get_usage_summary\(\)"
    r"(\['total_cost'\]|\.get\('total_cost'(, [\d.]+)?\)))"
)
_UNAWAITED = "await it: x = await self.operator(...)"


class Statements:
    """Reads statements into a body.

    Args:
        operators: what ``self.NAME`` was created as in ``__init__``.
    """

    def __init__(self, catalog: Catalog, operators: dict[str, str], root: ast.AST) -> None:
        self.findings: list[Finding] = []
        self.lost: set[str] = set()
        """Names whose assignment could not be read."""
        self._catalog, self._operators = catalog, operators
        self._taken = {node.id for node in ast.walk(root) if isinstance(node, ast.Name)}
        self._gathered = set(_gathered(root))
        self._deferred: dict[str, ast.expr] = {}
        self._costs: set[str] = set()
        self._out: list[ir.Stmt] = []
        self._expressions = Expressions(self._hoist)

    def read(self, nodes: list[ast.stmt]) -> tuple[ir.Stmt, ...]:
        """A block."""
        outer, self._out = self._out, []
        for node in nodes:
            try:
                self._statement(node)
            except Refused as error:
                self.findings.append(error.finding)
                self.lost |= {one.id for one in ast.walk(node) if _is_stored(one)}  # type: ignore[attr-defined]
        block, self._out = tuple(self._out), outer
        return block

    def _statement(self, node: ast.stmt) -> None:
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            named = type(node).__name__.removesuffix("Def").lower()
            raise Refused("E401", node.lineno, f"{named} is not part of the language", OUTSIDE)
        reader(node)

    def _note(self, code: str, node: ast.AST, message: str, hint: str, subject: str = "") -> None:
        self.findings.append(Finding(code, getattr(node, "lineno", 0), message, hint, subject))

    # --- statements -------------------------------------------------------------------------------

    def _pass(self, node: ast.Pass) -> None:
        """Nothing to do."""

    def _expr(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return  # a docstring
        if isinstance(value, ast.Call) and _is_append(value):
            assert isinstance(value.func, ast.Attribute)
            assert isinstance(value.func.value, ast.Name)
            name = name_of(value.func.value.id, node.lineno)
            item = ir.ListOf((self._value(value.args[0]),))
            self._out.append(ir.Assign(name, ir.Plus(ir.Ref(name), item), node.lineno))
            return
        if isinstance(value, ast.Await) or self._call_of(value) is not None:
            self._bind(self._fresh(), value, node.lineno)
            return
        raise Refused("E401", node.lineno, "expression without effect", "assign it to a variable")

    def _assign(self, node: ast.Assign) -> None:
        if len(node.targets) != 1:
            raise Refused("E401", node.lineno, "assignment to several targets", "use one")
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple):
            self._unpack(target, value)
            return
        if not isinstance(target, ast.Name):
            raise Refused("E401", node.lineno, "assignment to an attribute or item", OUTSIDE)
        name = name_of(target.id, node.lineno)
        if _COST.fullmatch(ast.unparse(value)):
            self._costs.add(name)
        elif name in self._gathered and self._is_deferrable(value):
            self._deferred[name] = value
        else:
            self._bind(name, value, node.lineno)

    def _annassign(self, node: ast.AnnAssign) -> None:
        if not is_plain(node.annotation):
            raise Refused("E401", node.lineno, "annotation", "leave it out")
        if node.value is None:
            return
        self._assign(ast.copy_location(ast.Assign([node.target], node.value), node))

    def _augassign(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name) or not isinstance(node.op, ast.Add):
            raise Refused("E401", node.lineno, "augmented assignment", "use x += y")
        name = name_of(node.target.id, node.lineno)
        value = ir.Plus(ir.Ref(name), self._value(node.value))
        self._out.append(ir.Assign(name, value, node.lineno))

    def _if(self, node: ast.If) -> None:
        condition = self._value(node.test)
        then = self.read(node.body)
        self._out.append(ir.If(condition, then, self.read(node.orelse), node.lineno))

    def _for(self, node: ast.For) -> None:
        if node.orelse or not isinstance(node.target, ast.Name):
            raise Refused("E401", node.lineno, "for with else or several variables", OUTSIDE)
        var = name_of(node.target.id, node.lineno)
        over = self._over(node.iter)
        body = self.read(node.body)
        self._out.append(ir.Loop(var, over, body, node.lineno))

    def _while(self, node: ast.While) -> None:
        if node.orelse:
            raise Refused("E401", node.lineno, "while with else", OUTSIDE)
        self._note("E305", node, "while has no bound", "write 'for _ in range(3):' with break",
                   "while")  # fmt: skip
        test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node)
        leave = ast.copy_location(ast.If(test, [ast.copy_location(ast.Break(), node)], []), node)
        is_endless = isinstance(node.test, ast.Constant) and node.test.value is True
        body = self.read([*([] if is_endless else [leave]), *node.body])
        self._out.append(ir.Loop("_", WHILE_BOUND, body, node.lineno))

    def _break(self, node: ast.Break) -> None:
        self._out.append(ir.Break(node.lineno))

    def _return(self, node: ast.Return) -> None:
        value = node.value
        if value is None:
            self._note("E303", node, "return without an answer", "return an operator's result")
            return
        if isinstance(value, ast.Tuple):
            if len(value.elts) != 2 or not self._is_cost(value.elts[1]):
                raise Refused("E401", node.lineno, "return of several values",
                              "return the answer, or (answer, cost)")  # fmt: skip
            value = value.elts[0]
        self._out.append(ir.Return(self._value(value), node.lineno))

    # --- calls ------------------------------------------------------------------------------------

    def _bind(self, name: str, value: ast.expr, line: int) -> None:
        """``name = value``, where value may be a call, several at once, or an expression."""
        inner = value.value if isinstance(value, ast.Await) else value
        call = self._call_of(inner)
        if call is not None:
            if not isinstance(value, ast.Await):
                self._note("E302", value, f"{ast.unparse(call.func)} is not awaited", _UNAWAITED)
            self._out.append(self._call(name, call, self._expressions))
        elif isinstance(value, ast.Await):
            self._gather(name, value, line)
        elif isinstance(value, ast.ListComp) and self._fan(name, value, line):
            return
        else:
            self._out.append(ir.Assign(name, self._value(value), line))

    def _value(self, node: ast.expr) -> ir.Expr:
        """An expression; its calls become statements before this one."""
        return self._expressions.read(node)

    def _hoist(self, node: ast.expr) -> ir.Expr:
        name = self._fresh()
        self._bind(name, node, node.lineno)
        return ir.Ref(name)

    def _unpack(self, target: ast.Tuple, value: ast.expr) -> None:
        targets = [name_of(one.id, target.lineno) for one in target.elts if _is_stored(one)]  # type: ignore[attr-defined]
        if len(targets) != len(target.elts) or not isinstance(value, ast.Await):
            raise Refused("E401", target.lineno, "unpacking",
                          "only a, b = await asyncio.gather(...) is unpacked")  # fmt: skip
        self._gather(targets, value, target.lineno)

    def _gather(self, targets: str | list[str], node: ast.Await, line: int) -> None:
        """Several calls at once; ``targets`` is one name for the list, or a name for each."""
        gather = node.value
        if not _is_gather(gather):
            raise Refused("E401", line, f"await of {ast.unparse(gather)[:40]}",
                          "await self.operator(...) or asyncio.gather(...)")  # fmt: skip
        assert isinstance(gather, ast.Call)
        arguments = gather.args
        if gather.keywords:
            raise Refused("E401", line, "keywords of gather", "leave them out")
        if len(arguments) == 1 and isinstance(arguments[0], ast.Starred):
            inner = self._undeferred(arguments[0].value)
            if isinstance(inner, ast.ListComp | ast.GeneratorExp):
                if isinstance(targets, str) and self._fan(targets, inner, line, is_gathered=True):
                    return
                raise Refused("E401", line, "gather as used here", "gather(*[self.x(...) for ...])")
            arguments = inner.elts if isinstance(inner, ast.List | ast.Tuple) else [inner]
        self._parallel(targets, [self._undeferred(one) for one in arguments], line)

    def _parallel(self, targets: str | list[str], nodes: list[ast.expr], line: int) -> None:
        calls = [call for node in nodes if (call := self._call_of(node)) is not None]
        names = [self._fresh() for _ in calls] if isinstance(targets, str) else targets
        if not calls or not len(calls) == len(nodes) == len(names):
            raise Refused("E401", line, "gather as used here", "gather only calls of operators")
        reader = self._expressions.pure()
        found = [self._call(name, call, reader) for name, call in zip(names, calls, strict=True)]
        self._out.append(ir.Parallel(tuple(found), line))
        if isinstance(targets, str):
            refs = ir.ListOf(tuple(ir.Ref(name) for name in names))
            self._out.append(ir.Assign(targets, refs, line))

    def _fan(
        self,
        name: str,
        node: ast.ListComp | ast.GeneratorExp,
        line: int,
        is_gathered: bool = False,
    ) -> bool:
        """A comprehension over calls; False: there is no call in it."""
        loop, value = node.generators[0], node.elt
        awaits = [one for one in ast.walk(value) if isinstance(one, ast.Await)]
        call = self._call_of(value.value if isinstance(value, ast.Await) else value)
        if call is None and len(awaits) != 1:
            return False
        if len(node.generators) > 1 or loop.ifs or not isinstance(loop.target, ast.Name):
            raise Refused("E401", line, "calls in a comprehension with 'if' or several variables")
        if call is not None and not awaits and not is_gathered:
            self._note("E302", value, f"{ast.unparse(call.func)} is not awaited", _UNAWAITED)
        var, over = name_of(loop.target.id, line), self._over(loop.iter)
        reader = self._expressions.pure()
        if call is not None:
            self._out.append(ir.Fan(self._call(name, call, reader), var, over, line))
            return True
        call = self._call_of(awaits[0].value)
        if call is None:
            return False
        results, one = self._fresh(), self._fresh()
        self._out.append(ir.Fan(self._call(results, call, reader), var, over, line))
        picked = Expressions(lambda _: ir.Ref(one)).read(value)
        if var in ir.names(picked):
            raise Refused("E401", line, f"{var!r} beside a call in a comprehension")
        self._out.append(ir.Assign(name, ir.Each(picked, one, ir.Ref(results)), line))
        return True

    def _over(self, node: ast.expr) -> int | ir.Expr:
        """What a loop runs over: how often, or a list."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            return self._value(node)
        bounds = [one.value for one in node.args if isinstance(one, ast.Constant)]
        numbers = [one for one in bounds if type(one) is int]
        if node.func.id != "range" or node.keywords or not 1 <= len(node.args) <= 2:
            raise Refused("E401", node.lineno, f"loop over {ast.unparse(node)[:40]}",
                          "use range(3) or a list")  # fmt: skip
        if len(numbers) != len(node.args) or (len(numbers) == 2 and numbers[0] != 0):
            raise Refused("E305", node.lineno, f"bound {ast.unparse(node)[:40]} is no constant",
                          "write range(3)")  # fmt: skip
        return numbers[-1]

    def _call(self, target: str, node: ast.Call, reader: Expressions) -> ir.Call:
        operator = self._operator(node)
        inputs = [] if operator is None else [one.name for one in operator.inputs]
        named: list[tuple[str, ir.Expr]] = []
        for index, value in enumerate(node.args):
            if isinstance(value, ast.Starred) or index >= len(inputs):
                raise Refused("E205", node.lineno, "positional argument", "name every argument")
            named.append((inputs[index], self._argument(value, reader)))
        for word in node.keywords:
            if word.arg is None:
                raise Refused("E401", node.lineno, "** in a call", "name every argument")
            named.append((word.arg, self._argument(word.value, reader)))
        assert isinstance(node.func, ast.Attribute)
        name = node.func.attr if operator is None else operator.name
        return ir.Call(target, name, tuple(named), node.lineno)

    def _argument(self, node: ast.expr, reader: Expressions) -> ir.Expr:
        return self._value(node) if reader is self._expressions else reader.read(node)

    def _operator(self, node: ast.Call) -> Operator | None:
        assert isinstance(node.func, ast.Attribute)
        attribute = node.func.attr
        if attribute in self._operators:
            return self._catalog.operators.get(self._operators[attribute])
        operator = self._catalog.by_attribute(attribute)
        if operator is not None:
            self._note("E202", node, f"self.{attribute} is not created in __init__",
                       f"add self.{attribute} = {operator.name}(self.llm)", attribute)  # fmt: skip
        return operator

    # --- recognising ------------------------------------------------------------------------------

    def _call_of(self, node: ast.expr) -> ast.Call | None:
        """The node itself if it is ``self.NAME(...)``."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "self":
                return node
        return None

    def _is_deferrable(self, node: ast.expr) -> bool:
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self._call_of(node.elt) is not None
        if isinstance(node, ast.List):
            return all(self._call_of(one) is not None for one in node.elts) and bool(node.elts)
        return self._call_of(node) is not None

    def _undeferred(self, node: ast.expr) -> ast.expr:
        return self._deferred.get(node.id, node) if isinstance(node, ast.Name) else node

    def _is_cost(self, node: ast.expr) -> bool:
        """What a program says it cost; nobody reads it, cost is measured."""
        if isinstance(node, ast.Name):
            return node.id in self._costs
        is_number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
        return is_number or _COST.fullmatch(ast.unparse(node)) is not None

    def _fresh(self) -> str:
        number = 1
        while f"step_{number}" in self._taken:
            number += 1
        self._taken.add(f"step_{number}")
        return f"step_{number}"


def is_plain(annotation: ast.expr | None) -> bool:
    """Whether an annotation, which nobody reads, is only names: ``str``, ``list[str]``."""
    allowed = (ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.Constant, ast.expr_context)
    return annotation is None or all(isinstance(one, allowed) for one in ast.walk(annotation))


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _is_gather(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "asyncio.gather"


def _is_append(node: ast.Call) -> bool:
    function = node.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return function.attr == "append" and len(node.args) == 1 and not node.keywords


def _gathered(root: ast.AST) -> Iterator[str]:
    """Names that some gather waits for."""
    for node in ast.walk(root):
        if isinstance(node, ast.Call) and _is_gather(node):
            for argument in node.args:
                inner = argument.value if isinstance(argument, ast.Starred) else argument
                if isinstance(inner, ast.Name):
                    yield inner.id
