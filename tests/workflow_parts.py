"""Real objects that workflows are tested with: a model, a sandbox, and workflows of any shape."""

import re
import zlib
from collections import Counter
from contextlib import contextmanager

from hypothesis import strategies as st

from guerdon.types import Completion, Model, Sampling
from guerdon.workflow import CodeResult, Usage, ir

SHELL = """\
from scripts.async_llm import create_llm_instance
from scripts.operators import {imports}

class Workflow:
    def __init__(self, name, llm_config, dataset):
        self.llm = create_llm_instance(llm_config)
{created}

    async def __call__(self, {parameters}):
{body}
"""


def python(body, operators="Custom", parameters="problem"):
    """A workflow in Python: the shell, and this body."""
    names = operators.split()
    created = "\n".join(f"        self.{snake(name)} = {name}(self.llm)" for name in names)
    lines = "\n".join("        " + line for line in body.strip("\n").splitlines())
    return SHELL.format(
        imports=", ".join(names), created=created, parameters=parameters, body=lines
    )


def snake(name):
    """sc_ensemble for ScEnsemble."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Answers:
    """An engine that answers with ``reply(text of the last message, sampling)``."""

    template = None

    def __init__(self, reply):
        self._reply = reply if callable(reply) else lambda text, sampling: reply
        self.asked = []

    async def generate(self, prompt, sampling):
        self.asked.append(prompt)
        return Completion(self._reply(prompt[-1]["content"], sampling))


def executor(reply, **sampling):
    """``models`` with one that answers so, and its engine."""
    engine = Answers(reply)
    return {"executor": Model(engine, Sampling(**sampling))}, engine


class Sandbox:
    """Answers for programs with ``outcome(program, function)``; runs nothing."""

    def __init__(self, outcome):
        self._outcome = outcome
        self.programs = []

    async def run_code(self, program, *, function=None, timeout_s):
        self.programs.append(program)
        found = self._outcome(program, function)
        return found if isinstance(found, CodeResult) else CodeResult("ok", found)


def noisy(seed):
    """A model that mostly follows the form it is asked for, and sometimes does not."""

    def reply(text, sampling):
        draw = zlib.crc32(f"{seed} {text} {sampling.seed}".encode()) % 7
        if draw == 0:
            return "no idea"
        verdict = "true" if draw % 2 else "false"
        return (
            f"<thought>t</thought><answer>{draw}</answer><solution_letter>A</solution_letter>"
            f"<review_result>{verdict}</review_result><feedback>f</feedback>"
        )

    return reply


def flaky(seed):
    """A sandbox where a third of the programs fail."""

    def outcome(program, function):
        is_bad = zlib.crc32(f"{seed} {program}".encode()) % 3 == 0
        return CodeResult("ValueError", error="no") if is_bad else CodeResult("ok", 7)

    return Sandbox(outcome)


class Priced:
    """A meter, as a ledger has one: each call costs a thousandth of a dollar and ten tokens."""

    def __init__(self):
        self.usd = 0.0

    @contextmanager
    def __call__(self):
        usage = Usage()
        yield usage
        usage.tokens_in, usage.tokens_out, usage.usd = 7, 3, 0.001
        self.usd += usage.usd


# --- workflows of any shape that is valid --------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


class _Maker:
    """Draws a valid program for the code domain, keeping track of what is defined."""

    def __init__(self, draw):
        self.draw, self.count = draw, Counter()

    def name(self, kind="v"):
        self.count[kind] += 1
        return f"{kind}{self.count[kind]}"

    def text(self, scope, depth=2):
        leaves = [ir.Ref("problem"), *scope["text"]]
        if depth == 0 or self.draw(st.booleans()):
            value = ir.Literal(self.draw(TEXTS))
            return self.draw(st.sampled_from([*leaves, value]))
        inner = [self.text(scope, depth - 1) for _ in range(2)]
        kind = self.draw(st.integers(0, 5))
        if kind == 0:
            parts = [ir.Literal("a{"), inner[0], ir.Literal("}'\""), inner[1]]
            return ir.join(parts)
        if kind == 1:
            return ir.Choose(self.bool(scope, depth - 1), *inner)
        if kind == 2:
            return ir.Apply(self.draw(st.sampled_from(["strip", "lower", "upper"])), (inner[0],))
        if kind == 3:
            return ir.Apply("replace", (inner[0], ir.Literal("x"), inner[1]))
        if kind == 4 and scope["list"]:
            return ir.Apply("join", (inner[0], self.list(scope)))
        return ir.Plus(*inner)

    def bool(self, scope, depth=1):
        kind = self.draw(st.integers(0, 4))
        if kind == 0 and scope["bool"]:
            return self.draw(st.sampled_from(scope["bool"]))
        if kind == 1 and depth:
            parts = (self.bool(scope, 0), ir.Not(self.bool(scope, 0)))
            return ir.Logic(self.draw(st.sampled_from(["and", "or"])), parts)
        if kind == 2:
            length = ir.Apply("len", (self.text(scope, 0),))
            return ir.Compare(length, self.draw(st.sampled_from(["<", ">="])), ir.Literal(-3))
        sign = self.draw(st.sampled_from(["==", "!=", "in", "not in"]))
        return ir.Compare(self.text(scope, 0), sign, self.text(scope, 0))

    def list(self, scope):
        """Never empty, and at most five items."""
        if scope["list"] and self.draw(st.booleans()):
            items = self.draw(st.sampled_from(scope["list"]))
            value = ir.Plus(ir.Ref("one"), self.text(scope, 0))
            return ir.Each(value, "one", items) if self.draw(st.booleans()) else items
        return ir.ListOf(tuple(self.text(scope, 1) for _ in range(self.draw(st.integers(1, 3)))))

    def call(self, scope):
        target, problem = self.name("r"), ("problem", ir.Ref("problem"))
        solution = ("solution", self.text(scope))
        entry_point = ("entry_point", ir.Ref("entry_point"))
        instruction = ("instruction", self.draw(st.sampled_from([ir.Ref("HOW"), ir.Literal("é")])))
        uses = {
            "Custom": (("input", self.text(scope)), instruction),
            "AnswerGenerate": (("input", self.text(scope)),),
            "CustomCodeGenerate": (problem, entry_point),
            "Programmer": (problem, ("analysis", self.text(scope))),
            "ScEnsemble": (("solutions", self.list(scope)), problem),
            "MdEnsemble": (("solutions", self.list(scope)), problem),
            "Test": (problem, solution, entry_point),
            "Review": (problem, solution),
            "Revise": (problem, solution, ("feedback", ir.Literal("why"))),
        }
        name = self.draw(st.sampled_from(sorted(uses)))
        return ir.Call(target, name, uses[name])

    def define(self, call, scope, one=None):
        """Fields of a result become values that may be used."""
        texts = {"AnswerGenerate": "answer", "Programmer": "output", "Review": "feedback",
                 "Custom": "response", "CustomCodeGenerate": "response",
                 "ScEnsemble": "response"}  # fmt: skip
        record = ir.Ref(one or call.target)
        field = ir.Field(record, texts.get(call.operator, "solution"))
        if one is not None:
            return field
        scope["text"].append(field)
        verdict = {"Review": "review_result", "Test": "result"}.get(call.operator)
        if verdict:
            scope["bool"].append(ir.Field(record, verdict))
        return field

    def block(self, scope, depth, in_loop=False):
        found = []
        for _ in range(self.draw(st.integers(1, 3))):
            found += self.statement(scope, depth, in_loop)
        return tuple(found)

    def statement(self, scope, depth, in_loop):
        kind = self.draw(st.integers(0, 7 if depth else 4))
        if kind <= 1:
            call = self.call(scope)
            self.define(call, scope)
            return [call]
        if kind == 2:
            call, results = self.call(scope), self.name("l")
            over = self.draw(st.sampled_from([1, 3, 5]) | st.just(self.list(scope)))
            value = ir.Each(self.define(call, scope, "one"), "one", ir.Ref(call.target))
            items = ir.Ref(results)
            scope["list"].append(items)
            return [ir.Fan(call, self.name("i"), over), ir.Assign(results, value)]
        if kind == 3:
            calls = tuple(self.call(scope) for _ in range(self.draw(st.integers(1, 3))))
            for call in calls:
                self.define(call, scope)
            return [ir.Parallel(calls)]
        if kind == 4:
            name = self.name()
            stmt = ir.Assign(name, self.text(scope))
            scope["text"].append(ir.Ref(name))
            return [stmt]
        inner = {kind: list(values) for kind, values in scope.items()}
        if kind == 5:
            over = self.draw(st.sampled_from([1, 2, 3]) | st.just(self.list(scope)))
            return [ir.Loop(self.name("i"), over, self.block(inner, depth - 1, in_loop=True))]
        other = {kind: list(values) for kind, values in scope.items()}
        then = self.block(inner, depth - 1, in_loop)
        leave = (ir.Break(),) if in_loop and self.draw(st.booleans()) else ()
        rest = self.block(other, depth - 1, in_loop) if self.draw(st.booleans()) else ()
        return [ir.If(self.bool(scope), (*then, *leave), rest)]


@st.composite
def programs(draw):
    """Valid programs for the code domain, all constructs and most operators in them."""
    make = _Maker(draw)
    scope = {"text": [], "bool": [], "list": []}
    first = make.call(scope)
    answer = make.define(first, scope)
    body = (first, *make.block(scope, 2), ir.Return(draw(st.sampled_from([answer, ir.Plus(
        answer, make.text(scope))]))))  # fmt: skip
    return ir.Program(
        body,
        ("problem", "entry_point", "test"),
        draw(st.none() | TEXTS),
        (("HOW", draw(TEXTS)),),
    )
