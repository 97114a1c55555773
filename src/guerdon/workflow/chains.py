"""Chains, the short way to write common workflows.

    Custom*3 -> ScEnsemble -> Review ? Revise : done

A step takes what its operator needs from the step before. `compile_chain` says what a chain means:
each result is kept as ``s1``, ``s2``, ...; ``answer``, ``answers`` and ``feedback`` are what the
next step may use. ``check ? fix : good`` does the first if the check fails; ``(chain)*n`` is a
loop, which ``stop`` leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.findings import Refused
from guerdon.workflow.kinds import BOOL
from guerdon.workflow.printing import expression

PROBLEM, ANSWER, ANSWERS, FEEDBACK = map(ir.Ref, ("problem", "answer", "answers", "feedback"))
_BOTH = ir.Join((PROBLEM, ir.Literal("\n\n"), ANSWER))


@dataclass(frozen=True, slots=True)
class Use:
    """``Operator(keyword=...)``, once, or ``num`` times at once."""

    operator: str
    arguments: tuple[tuple[str, ir.Expr], ...] = ()
    num: int | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class All:
    """``[A, B, C]``: different operators at once."""

    uses: tuple[Use, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Repeat:
    """``(chain)*n``."""

    chain: Chain
    num: int
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Check:
    """``check ? failed : passed``."""

    use: Use
    failed: Chain
    passed: Chain
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """``stop``: leave the loop."""

    line: int = field(default=0, compare=False)


Link = Use | All | Repeat | Check | Stop
Chain = tuple[Link, ...]
"""The empty chain is written ``done``."""


# --- a chain's meaning ---------------------------------------------------------------------------


def compile_chain(chain: Chain, catalog: Catalog) -> tuple[ir.Stmt, ...]:
    """The statements a chain stands for, the final return included."""
    body = list(_Compiler(catalog).block(chain, set()))
    return (*body, ir.Return(ANSWER, body[-1].line if body else 0))


@dataclass
class _Compiler:
    catalog: Catalog
    num_steps: int = 0

    def block(self, chain: Chain, known: set[str]) -> Iterator[ir.Stmt]:
        """Statements; ``known`` says which of answer, answers and feedback exist, and grows."""
        for link in chain:
            if isinstance(link, Use):
                yield from self._use(link, known)
            elif isinstance(link, All):
                yield from self._all(link, known)
            elif isinstance(link, Repeat):
                body = tuple(self.block(link.chain, known))
                yield ir.Loop("_", link.num, body, link.line)
            elif isinstance(link, Stop):
                yield ir.Break(link.line)
            else:
                yield from self._check(link, known)

    def _use(self, use: Use, known: set[str]) -> Iterator[ir.Stmt]:
        call = self._call(use, known)
        outputs = self._outputs(use)
        if use.num is None:
            yield call
            for name in ("answer", "feedback"):
                if name in outputs:
                    value = ir.Field(ir.Ref(call.target), outputs[name])
                    yield ir.Assign(name, value, use.line)
                    known.add(name)
            return
        yield ir.Fan(call, "_", use.num, use.line)
        if "answer" in outputs:
            each = ir.Each(ir.Field(ir.Ref("one"), outputs["answer"]), "one", ir.Ref(call.target))
            yield ir.Assign("answers", each, use.line)
            known.add("answers")

    def _all(self, link: All, known: set[str]) -> Iterator[ir.Stmt]:
        calls = tuple(self._call(use, known) for use in link.uses)
        yield ir.Parallel(calls, link.line)
        outputs = [self._outputs(use).get("answer") for use in link.uses]
        fields = tuple(
            ir.Field(ir.Ref(call.target), name)
            for call, name in zip(calls, outputs, strict=True)
            if name is not None
        )
        yield ir.Assign("answers", ir.ListOf(fields), link.line)
        known.add("answers")

    def _check(self, link: Check, known: set[str]) -> Iterator[ir.Stmt]:
        *before, last = self._use(link.use, known)
        yield from (*before, last)
        operator = self.catalog.operators.get(link.use.operator)
        verdicts = [] if operator is None else [n for n, kind in operator.outputs if kind == BOOL]
        if operator is not None and not verdicts:
            raise Refused("E206", link.line, f"{operator.name} ? ... : it returns no Bool",
                          "use Review or Test before ?")  # fmt: skip
        verdict = verdicts[0] if verdicts else "result"
        result = ir.Ref(f"s{self.num_steps}")
        failed, passed = set(known), set(known)
        then = tuple(self.block(link.failed, failed))
        other = tuple(self.block(link.passed, passed))
        known |= failed & passed
        yield ir.If(ir.Not(ir.Field(result, verdict)), then, other, link.line)

    def _call(self, use: Use, known: set[str]) -> ir.Call:
        self.num_steps += 1
        target = f"s{self.num_steps}"
        operator = self.catalog.operators.get(use.operator)
        if operator is None:
            return ir.Call(target, use.operator, use.arguments, use.line)
        given = dict(use.arguments)
        arguments = [
            (one.name, value)
            for one in operator.inputs
            if (value := given.pop(one.name, None) or _implied(one.name, known)) is not None
        ]
        return ir.Call(target, operator.name, (*arguments, *given.items()), use.line)

    def _outputs(self, use: Use) -> dict[str, str]:
        """Which of an operator's outputs become answer and feedback."""
        operator = self.catalog.operators.get(use.operator)
        if operator is None:
            return {"answer": "response"}
        names = [name for name, kind in operator.outputs if kind != BOOL]
        found = {"feedback": "feedback"} if "feedback" in names else {}
        answers = [name for name in names if name != "feedback"]
        return found | ({"answer": answers[-1]} if answers else {})


def _implied(name: str, known: set[str]) -> ir.Expr | None:
    """What a keyword gets that is not given."""
    has_answer = "answer" in known
    if name == "solutions":
        return ANSWERS if "answers" in known else ir.ListOf((ANSWER,)) if has_answer else None
    if name == "input":
        return _BOTH if has_answer else PROBLEM
    if name in ("solution", "analysis"):
        return ANSWER if has_answer else None
    if name == "feedback":
        return FEEDBACK if "feedback" in known else None
    return ir.Ref(name) if name in ("problem", "entry_point") else None


# --- and back ------------------------------------------------------------------------------------


def find_chain(program: ir.Program, catalog: Catalog) -> Chain | None:
    """The chain that means exactly this program, if there is one."""
    body = program.body
    if not body or not isinstance(body[-1], ir.Return):
        return None
    chain = _links(body[:-1])
    try:
        is_same = chain is not None and compile_chain(chain, catalog) == body
    except Refused:
        return None
    return chain if is_same else None


def _links(body: tuple[ir.Stmt, ...]) -> Chain | None:
    """The chain a block might come from; whether it does is seen by compiling it."""
    links: list[Link] = []
    for stmt in body:
        if isinstance(stmt, ir.Call):
            links.append(_used(stmt))
        elif isinstance(stmt, ir.Fan) and isinstance(stmt.over, int):
            use = _used(stmt.call)
            links.append(Use(use.operator, use.arguments, stmt.over))
        elif isinstance(stmt, ir.Parallel):
            links.append(All(tuple(map(_used, stmt.calls))))
        elif isinstance(stmt, ir.Loop) and isinstance(stmt.over, int):
            inner = _links(stmt.body)
            if inner is None:
                return None
            links.append(Repeat(inner, stmt.over))
        elif isinstance(stmt, ir.If) and links and isinstance(links[-1], Use):
            failed, passed = _links(stmt.then), _links(stmt.other)
            if failed is None or passed is None:
                return None
            links[-1] = Check(links[-1], failed, passed)
        elif isinstance(stmt, ir.Break):
            links.append(Stop())
        elif not isinstance(stmt, ir.Assign):  # assignments follow from the links
            return None
    return tuple(links)


def _used(call: ir.Call) -> Use:
    implied = {
        "solutions": (ANSWERS, ir.ListOf((ANSWER,))), "input": (_BOTH, PROBLEM),
        "solution": (ANSWER,), "analysis": (ANSWER,), "feedback": (FEEDBACK,),
        "problem": (PROBLEM,), "entry_point": (ir.Ref("entry_point"),),
    }  # fmt: skip
    given = tuple((name, e) for name, e in call.arguments if e not in implied.get(name, ()))
    return Use(call.operator, given)


def print_chain(chain: Chain) -> str:
    """The chain as text."""
    return " -> ".join(map(_printed, chain)) or "done"


def _printed(link: Link) -> str:
    if isinstance(link, Use):
        given = ", ".join(f"{name}={expression(value)}" for name, value in link.arguments)
        times = "" if link.num is None else f"*{link.num}"
        return f"{link.operator}({given}){times}" if given else f"{link.operator}{times}"
    if isinstance(link, All):
        return f"[{', '.join(map(_printed, link.uses))}]"
    if isinstance(link, Repeat):
        return f"({print_chain(link.chain)})*{link.num}"
    if isinstance(link, Stop):
        return "stop"
    return f"{_printed(link.use)} ? {_alternative(link.failed)} : {_alternative(link.passed)}"


def _alternative(chain: Chain) -> str:
    is_simple = not chain or (len(chain) == 1 and isinstance(chain[0], Use | All | Stop | Repeat))
    return print_chain(chain) if is_simple else f"({print_chain(chain)})"
