"""The compact form of a workflow, for small policies: lossless, both ways.

    task "Show your reasoning."
    Custom(instruction="Solve it: ")*3 -> ScEnsemble -> Review ? Revise : done

is a whole workflow; see `chains`. What is no chain is written in statements, one a line:

    a = Custom(input=problem)                 b = Custom(input=problem) * 3 as i
    [c = Review(...), d = Custom(...)]        e = Custom(input=x) for x in xs
    f := a["response"] + "!"                  if not c["review_result"] { ... } else { ... }
    loop 3 as i { ... stop ... }              return f

before them ``task TEXT``, ``prompt NAME = TEXT`` and ``given problem, entry_point``. Expressions
are those of the Python surface.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.chains import (
    All,
    Chain,
    Check,
    Link,
    Repeat,
    Stop,
    Use,
    compile_chain,
    find_chain,
    print_chain,
)
from guerdon.workflow.expressions import MAX_DEPTH, Expressions, name_of, parse_text
from guerdon.workflow.findings import Refused
from guerdon.workflow.parse import Draft
from guerdon.workflow.printing import expression
from guerdon.workflow.tokens import Tokens

_SIGNATURE = ("problem", "entry_point", "test")


def parse_dsl(text: str, catalog: Catalog) -> Draft:
    """A program in the compact form. Reading stops at the first mistake."""
    try:
        program = _Reader(Tokens(text), catalog).program()
    except Refused as error:
        return Draft(None, (error.finding,))
    return Draft(program)


def to_dsl(program: ir.Program, catalog: Catalog) -> str:
    """A program in the compact form, as a chain if it is one."""
    chain = find_chain(program, catalog)
    body = _block(program.body, "") if chain is None else [print_chain(chain)]
    return "\n".join([*_header(program), *body]) + "\n"


def to_statements(program: ir.Program) -> str:
    """A program in the compact form, one statement a line, never as a chain."""
    return "\n".join([*_header(program), *_block(program.body, "")]) + "\n"


def _header(program: ir.Program) -> list[str]:
    lines = [] if program.task_prompt is None else [f"task {program.task_prompt!r}"]
    lines += [f"prompt {name} = {text!r}" for name, text in program.prompts]
    if program.parameters != _derived(program.body, dict(program.prompts)):
        lines.append(f"given {', '.join(program.parameters)}".rstrip())
    return lines


def _derived(body: tuple[ir.Stmt, ...], prompts: dict[str, str]) -> tuple[str, ...]:
    """The parameters of a program that does not say: as many as it uses."""
    made = ir.bound_names(ir.Program(body, parameters=()))
    used = set(ir.names(body)) - made - prompts.keys()
    last = max((i for i, name in enumerate(_SIGNATURE) if name in used), default=0)
    return _SIGNATURE[: last + 1]


# --- reading -------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, tokens: Tokens, catalog: Catalog) -> None:
        self._tokens, self._catalog = tokens, catalog
        self._depth = 0

    def program(self) -> ir.Program:
        tokens = self._tokens
        task_prompt, prompts, given = None, {}, None
        tokens.ends()
        while tokens.next.text in ("task", "prompt", "given") and tokens.ahead(1).text != "=":
            word = tokens.name()
            if word == "task":
                task_prompt = self._text()
            elif word == "prompt":
                name = name_of(tokens.name(), tokens.line)
                tokens.want("=")
                prompts[name] = self._text()
            else:
                names = [one.strip() for one in tokens.cut().split(",")]
                given = tuple(name_of(one, tokens.line) for one in names if one)
            tokens.ends()
        body = self._chain_body() if self._is_chain() else self._statements()
        if tokens.next.kind != "stop":
            raise Refused("E101", tokens.line, f"unexpected {tokens.next.text.strip()[:40]!r}")
        if not body:
            raise Refused("E102", 0, "no step", "write Custom -> ...")
        parameters = _derived(body, prompts) if given is None else given
        return ir.Program(body, parameters, task_prompt, tuple(prompts.items()))

    def _text(self) -> str:
        token = self._tokens.take()
        if token.kind != "string" or token.text[0] in "fF":
            raise Refused("E101", token.line, f"expected a text, found {token.text[:40]!r}")
        text = parse_text(token.text, is_expression=True).body.value
        assert isinstance(text, str)
        return text

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH // 2:
            raise Refused("E101", self._tokens.line, "too deeply nested")

    # --- statements -------------------------------------------------------------------------------

    def _statements(self) -> tuple[ir.Stmt, ...]:
        found: list[ir.Stmt] = []
        tokens = self._tokens
        self._enter()
        tokens.ends()
        while tokens.next.kind != "stop" and tokens.next.text != "}":
            found.append(self._statement())
            if tokens.next.kind not in ("end", "stop") and tokens.next.text != "}":
                raise Refused("E101", tokens.line, f"unexpected {tokens.next.text[:40]!r}")
            tokens.ends()
        self._depth -= 1
        return tuple(found)

    def _block(self) -> tuple[ir.Stmt, ...]:
        self._tokens.want("{")
        found = self._statements()
        self._tokens.want("}")
        return found

    def _statement(self) -> ir.Stmt:
        tokens = self._tokens
        line, word = tokens.line, tokens.next.text
        if tokens.ahead(1).text in ("=", ":="):
            return self._binding(line)
        if tokens.skip("["):
            calls = self._separated(self._named_call)
            return ir.Parallel(tuple(calls), line)
        if tokens.skip("if"):
            condition = self._expression("{")
            then = self._block()
            return ir.If(condition, then, self._block() if tokens.skip("else") else (), line)
        if tokens.skip("loop"):
            return self._loop(line)
        if tokens.skip("stop"):
            return ir.Break(line)
        if tokens.skip("return"):
            return ir.Return(self._expression(), line)
        raise Refused("E101", line, f"no statement begins with {word[:40]!r}")

    def _binding(self, line: int) -> ir.Stmt:
        tokens = self._tokens
        name = name_of(tokens.name(), line)
        if tokens.skip(":="):
            return ir.Assign(name, self._expression(), line)
        tokens.want("=")
        call = self._call(name)
        if tokens.skip("*"):
            num = tokens.number()
            var = name_of(tokens.name(), line) if tokens.skip("as") else "_"
            return ir.Fan(call, var, num, line)
        if tokens.skip("for"):
            var = name_of(tokens.name(), line)
            tokens.want("in")
            return ir.Fan(call, var, self._expression(), line)
        return call

    def _loop(self, line: int) -> ir.Loop:
        tokens = self._tokens
        over: int | ir.Expr
        if tokens.next.kind == "number":
            over = tokens.number()
            var = name_of(tokens.name(), line) if tokens.skip("as") else "_"
        else:
            var = name_of(tokens.name(), line)
            tokens.want("in")
            over = self._expression("{")
        return ir.Loop(var, over, self._block(), line)

    def _separated(self, read: Callable[[], ir.Call]) -> list[ir.Call]:
        found = [read()]
        while self._tokens.skip(","):
            found.append(read())
        self._tokens.want("]")
        return found

    def _named_call(self) -> ir.Call:
        name = name_of(self._tokens.name(), self._tokens.line)
        self._tokens.want("=")
        return self._call(name)

    def _call(self, target: str) -> ir.Call:
        line = self._tokens.line
        operator, arguments = self._use()
        return ir.Call(target, operator, arguments, line)

    def _use(self) -> tuple[str, tuple[tuple[str, ir.Expr], ...]]:
        """``Operator`` or ``Operator(keyword=expression, ...)``."""
        tokens = self._tokens
        line, name = tokens.line, tokens.name()
        if not tokens.skip("("):
            return name, ()
        node = parse_text(f"f({tokens.cut()}\n)", is_expression=True).body
        tokens.want(")")
        operator = self._catalog.operators.get(name)
        inputs = [] if operator is None else [one.name for one in operator.inputs]
        if not isinstance(node, ast.Call) or len(node.args) > len(inputs):
            raise Refused("E205", line, f"arguments of {name[:40]}", "name every argument")
        reader = Expressions()
        given = list(zip(inputs, reader.read_all(node.args), strict=False))
        for word in node.keywords:
            if word.arg is None:
                raise Refused("E401", line, "** in a call", "name every argument")
            given.append((word.arg, reader.read(word.value)))
        return name, tuple(given)

    def _expression(self, *stops: str) -> ir.Expr:
        line, text = self._tokens.line, self._tokens.cut("}", *stops)
        if not text.strip():
            raise Refused("E101", line, "an expression is missing")
        return Expressions().read(parse_text(f"({text}\n)", is_expression=True).body)

    # --- chains -----------------------------------------------------------------------------------

    def _is_chain(self) -> bool:
        """Whether the body begins like a chain: an operator, a bracket, or a group."""
        first, second = self._tokens.next, self._tokens.ahead(1)
        if first.text == "[":
            return self._tokens.ahead(2).text != "="
        is_operator = (
            first.kind == "word" and first.text[:1].isupper() and second.text not in ("=", ":=")
        )
        return is_operator or first.text == "("

    def _chain_body(self) -> tuple[ir.Stmt, ...]:
        chain = self._chain()
        self._tokens.ends()
        return compile_chain(chain, self._catalog)

    def _chain(self) -> Chain:
        self._enter()
        links = list(self._link())
        while self._tokens.skip("->"):
            links += self._link()
        self._depth -= 1
        return tuple(links)

    def _link(self) -> Chain:
        tokens, line = self._tokens, self._tokens.line
        found = self._atom()
        if not tokens.skip("?"):
            return found
        if len(found) != 1 or not isinstance(found[0], Use):
            raise Refused("E101", line, "'?' after something that is no operator")
        self._enter()
        failed = self._atom()
        tokens.want(":")
        passed = self._atom()
        self._depth -= 1
        return (Check(found[0], failed, passed, line),)

    def _atom(self) -> Chain:
        tokens, line = self._tokens, self._tokens.line
        if tokens.skip("done"):
            return ()
        if tokens.skip("stop"):
            return (Stop(line),)
        if tokens.skip("("):
            inner = self._chain()
            tokens.want(")")
            return (Repeat(inner, tokens.number(), line),) if tokens.skip("*") else inner
        if tokens.skip("["):
            calls = self._separated(lambda: self._call("_"))
            uses = tuple(Use(call.operator, call.arguments, None, line) for call in calls)
            return (All(uses, line),)
        operator, arguments = self._use()
        num = tokens.number() if tokens.skip("*") else None
        link: Link = Use(operator, arguments, num, line)
        return (link,)


# --- writing -------------------------------------------------------------------------------------


def _block(body: tuple[ir.Stmt, ...], indent: str) -> list[str]:
    return [indent + line for stmt in body for line in _statement(stmt)]


def _statement(stmt: ir.Stmt) -> list[str]:
    if isinstance(stmt, ir.Call):
        return [_named(stmt)]
    if isinstance(stmt, ir.Fan):
        if isinstance(stmt.over, int):
            return [f"{_named(stmt.call)} * {stmt.over}{_as(stmt.var)}"]
        return [f"{_named(stmt.call)} for {stmt.var} in {expression(stmt.over)}"]
    if isinstance(stmt, ir.Parallel):
        return [f"[{', '.join(map(_named, stmt.calls))}]"]
    if isinstance(stmt, ir.Assign):
        return [f"{stmt.target} := {expression(stmt.value)}"]
    if isinstance(stmt, ir.If):
        lines = [f"if {expression(stmt.condition)} {{", *_block(stmt.then, "  ")]
        if stmt.other:
            lines += ["} else {", *_block(stmt.other, "  ")]
        return [*lines, "}"]
    if isinstance(stmt, ir.Loop):
        if isinstance(stmt.over, int):
            head = f"loop {stmt.over}{_as(stmt.var)} {{"
        else:
            head = f"loop {stmt.var} in {expression(stmt.over)} {{"
        return [head, *_block(stmt.body, "  "), "}"]
    if isinstance(stmt, ir.Break):
        return ["stop"]
    return [f"return {expression(stmt.value)}"]


def _named(call: ir.Call) -> str:
    given = ", ".join(f"{name}={expression(value)}" for name, value in call.arguments)
    return f"{call.target} = {call.operator}({given})"


def _as(var: str) -> str:
    return "" if var == "_" else f" as {var}"
