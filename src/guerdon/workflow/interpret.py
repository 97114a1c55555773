"""Runs a workflow: walks its statements, asks models through `types.Models`, keeps a trace.

Nothing a model wrote is executed here; code goes to the sandbox. Budgets hold while it runs, and
what was done before one was exceeded stays in the trace. A program's failure is a result; that of a
server or of the sandbox is an error, because it says nothing about the program.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from guerdon.errors import ConfigError
from guerdon.types import Message, Models
from guerdon.workflow import ir
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.dsl import to_dsl
from guerdon.workflow.evaluate import Evaluator, ProgramFailed
from guerdon.workflow.kinds import is_a
from guerdon.workflow.limits import Limits
from guerdon.workflow.operators import CodeRunner, OperatorFailed, Step, use
from guerdon.workflow.trace import Inputs, ModelCall, NodeRun, Run, Status, Usage

DEFAULT = Limits()

Meter = Callable[[], AbstractContextManager[Usage]]
"""Around each model call: what is entered is filled in with what the call used."""


class OverBudget(Exception):
    """A limit of the workflow was reached; which one is the message."""


@contextmanager
def no_meter() -> Iterator[Usage]:
    """Measures nothing beyond the tokens an engine itself tells."""
    yield Usage()


async def run(
    program: ir.Program,
    catalog: Catalog,
    inputs: Inputs,
    models: Models,
    *,
    limits: Limits = DEFAULT,
    sandbox: CodeRunner | None = None,
    meter: Meter = no_meter,
) -> Run:
    """Run a workflow to its answer, its failure or its limit.

    Args:
        program: one that `validate.check` accepts; another one fails, and does no harm either.
        models: by the names operators ask for ("executor"). Equal questions of one workflow get
            different samples, numbered from 0, so that members of a group share common calls.
        sandbox: where model-written code runs; None: operators that run code fail.
        meter: measures tokens and money; needed for limits on what the engine does not tell.

    Raises:
        RolloutError: a model or the sandbox failed.
        ConfigError: a model is missing, or a limit cannot be measured.
    """
    interpreter = _Interpreter(catalog, inputs, models, limits, sandbox, meter)
    started = time.perf_counter()
    status: Status
    answer, error = None, ""
    try:
        async with asyncio.timeout(limits.timeout_s) as clock:
            answer = await interpreter.answer(program)
        status = "ok"
    except TimeoutError:
        if not clock.expired():
            raise
        status, error = "timeout", f"took longer than {limits.timeout_s:g} s"
    except OverBudget as reason:
        status, error = "over_budget", str(reason)
    except (ProgramFailed, OperatorFailed) as reason:
        status, error = "failed", str(reason)
    return Run(
        program=to_dsl(program, catalog),
        inputs=inputs,
        status=status,
        answer=answer,
        error=error,
        nodes=tuple(interpreter.nodes),
        seconds=time.perf_counter() - started,
        limits=limits,
    )


_BREAK = object()
"""What a block gives back that ends with `Break`; None: it ended by itself."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a block gives back that ends with `Return`."""

    value: Any


@dataclass
class _Samples:
    """Numbers equal questions. Of ``width`` branches at once, each has numbers of its own, so that
    they do not depend on who is faster."""

    before: Counter[tuple[str, str]] = field(default_factory=Counter)
    branch: int = 0
    width: int = 1
    own: Counter[tuple[str, str]] = field(default_factory=Counter)

    def next(self, key: tuple[str, str]) -> int:
        number = self.before[key] + self.branch + self.own[key] * self.width
        self.own[key] += 1
        return number

    def used(self) -> Counter[tuple[str, str]]:
        """All numbers below these are taken."""
        return Counter(
            {key: self.before[key] + self.own[key] * self.width
             for key in self.before.keys() | self.own.keys()}
        )  # fmt: skip


class _Interpreter:
    def __init__(
        self,
        catalog: Catalog,
        inputs: Inputs,
        models: Models,
        limits: Limits,
        sandbox: CodeRunner | None,
        meter: Meter,
    ) -> None:
        self.nodes: list[NodeRun] = []
        self._catalog, self._inputs, self._models = catalog, inputs, models
        self._limits, self._sandbox, self._meter = limits, sandbox, meter
        self._evaluator = Evaluator(limits.max_chars)
        self._given: dict[str, Any] = {}
        self._sites: dict[int, int] = {}
        self._samples = _Samples()
        self._num_calls = self._num_steps = self._num_tokens = 0
        self._usd = 0.0

    async def answer(self, program: ir.Program) -> str:
        """The program's answer as text."""
        known = self._inputs.values
        if program.task_prompt is not None:
            known["problem"] = f"{program.task_prompt}\n\n{known['problem']}"
        self._sites = {id(call): site for site, call in enumerate(ir.calls(program.body))}
        self._given = dict(program.prompts)
        self._given |= {name: known[name] for name in program.parameters if name in known}
        found = await self._block(program.body)
        if not isinstance(found, _Answer):
            raise ProgramFailed("the program ended without an answer")
        if isinstance(found.value, list | dict):
            raise ProgramFailed("the answer is no text")
        text = str(found.value)
        if not text.strip():
            raise ProgramFailed("the answer is empty")
        return text

    # --- statements -------------------------------------------------------------------------------

    async def _block(self, body: tuple[ir.Stmt, ...]) -> Any:
        for stmt in body:
            self._num_steps += 1
            if self._num_steps > self._limits.max_steps:
                raise OverBudget(f"more than {self._limits.max_steps} statements")
            found = await self._statement(stmt)
            if found is not None:
                return found
        return None

    async def _statement(self, stmt: ir.Stmt) -> Any:
        if isinstance(stmt, ir.Call):
            self._given[stmt.target] = await self._call(stmt, self._given, self._samples)
        elif isinstance(stmt, ir.Parallel):
            results = await self._at_once([(call, self._given) for call in stmt.calls])
            for call, result in zip(stmt.calls, results, strict=True):
                self._given[call.target] = result
        elif isinstance(stmt, ir.Fan):
            items = self._items(stmt.over)
            inner = [(stmt.call, {**self._given, stmt.var: item}) for item in items]
            self._given[stmt.target] = await self._at_once(inner)
        elif isinstance(stmt, ir.Assign):
            self._given[stmt.target] = self._evaluator.value(stmt.value, self._given)
        elif isinstance(stmt, ir.If):
            holds = self._evaluator.test(stmt.condition, self._given)
            return await self._block(stmt.then if holds else stmt.other)
        elif isinstance(stmt, ir.Loop):
            return await self._loop(stmt)
        elif isinstance(stmt, ir.Break):
            return _BREAK
        else:
            return _Answer(self._evaluator.value(stmt.value, self._given))
        return None

    async def _loop(self, stmt: ir.Loop) -> Any:
        for item in self._items(stmt.over, self._limits.max_loop):
            self._given[stmt.var] = item
            found = await self._block(stmt.body)
            if found is _BREAK:
                return None
            if found is not None:
                return found
        return None

    def _items(self, over: int | ir.Expr, most: int = 0) -> list[Any]:
        """What is run over; a list may be as long as the static bound takes it to be."""
        limits = self._limits
        is_number = isinstance(over, int)
        items = list(range(min(over, 1000))) if isinstance(over, int) else self._evaluator.value(
            over, self._given
        )  # fmt: skip
        if not isinstance(items, list):
            raise ProgramFailed("a loop over something that is no list")
        most = most if is_number and most else limits.max_parallel
        if len(items) > most:
            raise OverBudget(f"{len(items)} turns or calls at once; at most {most}")
        return items

    # --- calls ------------------------------------------------------------------------------------

    async def _at_once(self, calls: Sequence[tuple[ir.Call, Mapping[str, Any]]]) -> list[Any]:
        if len(calls) > self._limits.max_parallel:
            raise OverBudget(f"{len(calls)} calls at once; at most {self._limits.max_parallel}")
        before = self._samples.used()
        branches = [_Samples(before, index, len(calls)) for index in range(len(calls))]
        work = [
            self._call(call, given, branch)
            for (call, given), branch in zip(calls, branches, strict=True)
        ]
        results = await _together(work)
        after = Counter(before)
        for branch in branches:
            after |= branch.used()
        self._samples = _Samples(after)
        return results

    def _call(
        self, call: ir.Call, given: Mapping[str, Any], samples: _Samples
    ) -> Coroutine[Any, Any, dict[str, Any]]:
        """The coroutine of a call; its node is numbered now, whoever finishes first."""
        site = self._sites[id(call)]
        node = NodeRun(len(self.nodes), site, call.operator, call.target, call.line, samples.branch)
        self.nodes.append(node)
        return self._use(call, given, samples, node)

    async def _use(
        self, call: ir.Call, given: Mapping[str, Any], samples: _Samples, node: NodeRun
    ) -> dict[str, Any]:
        started = time.perf_counter()
        node.status = "cancelled"
        try:
            step = self._step(call, given, samples, node)
            node.outputs = await use(step)
            node.status = "ok"
            return node.outputs
        except (OperatorFailed, ProgramFailed) as error:
            node.status, node.error = "failed", str(error)
            kind = type(error)
            raise kind(f"{call.operator} of line {call.line}: {error}") from None
        except OverBudget as error:
            node.status, node.error = "over_budget", str(error)
            raise
        finally:
            node.seconds = time.perf_counter() - started

    def _step(
        self, call: ir.Call, given: Mapping[str, Any], samples: _Samples, node: NodeRun
    ) -> Step:
        operator = self._catalog.operators.get(call.operator)
        if operator is None:
            raise ProgramFailed("there is no such operator")
        values: dict[str, Any] = {
            one.name: one.default for one in operator.inputs if one.default is not None
        }
        values |= {name: self._evaluator.value(one, given) for name, one in call.arguments}
        missing = [one.name for one in operator.inputs if one.name not in values]
        if missing:
            raise ProgramFailed(f"{missing[0]}= is missing")
        for name, value in values.items():
            parameter = operator.parameter(name)
            if parameter is None or not is_a(value, parameter.kind):
                raise ProgramFailed(f"{name}= is no keyword, or not of its type")
        node.inputs = dict(values)

        async def asking(name: str, messages: tuple[Message, ...]) -> ModelCall:
            return await self._ask(name, messages, samples)

        return Step(operator, values, node, asking, self._inputs.tests, self._sandbox,
                    self._limits.code_timeout_s)  # fmt: skip

    # --- models -----------------------------------------------------------------------------------

    async def _ask(self, name: str, messages: tuple[Message, ...], samples: _Samples) -> ModelCall:
        """One question, within the budget, measured."""
        if name not in self._models:
            known = ", ".join(self._models)
            raise ConfigError(f"operators ask a model {name!r}, and models has: {known}")
        self._check_budget()
        self._num_calls += 1
        number = samples.next((name, repr(messages)))
        model = self._models[name].at(number)
        template = model.engine.template
        prompt = messages if template is None else template.start(messages)
        started = time.perf_counter()
        with self._meter() as usage:
            completion = await model.engine.generate(prompt, model.sampling)
        if template is not None and usage.tokens_in is None:
            usage.tokens_in, usage.tokens_out = len(prompt), len(completion.token_ids)
        self._spend(name, usage)
        return ModelCall(name, messages, number, completion.text, completion.finish_reason,
                         replace(usage), time.perf_counter() - started)  # fmt: skip

    def _check_budget(self) -> None:
        limits = self._limits
        if self._num_calls >= limits.max_calls:
            raise OverBudget(f"{limits.max_calls} model calls were made")
        if limits.max_tokens is not None and self._num_tokens >= limits.max_tokens:
            raise OverBudget(f"{self._num_tokens} tokens were used of {limits.max_tokens}")
        if limits.max_usd is not None and self._usd >= limits.max_usd:
            raise OverBudget(f"${self._usd:.6g} were spent of ${limits.max_usd:g}")

    def _spend(self, name: str, usage: Usage) -> None:
        limits = self._limits
        if limits.max_tokens is not None and (usage.tokens_in is None or usage.tokens_out is None):
            raise ConfigError(f"limits.max_tokens: model {name!r} does not tell its tokens; give "
                              f"a meter, or set it to null")  # fmt: skip
        if limits.max_usd is not None and usage.usd is None:
            raise ConfigError(f"limits.max_usd: model {name!r} does not tell its cost; give a "
                              f"meter, or set it to null")  # fmt: skip
        self._num_tokens += (usage.tokens_in or 0) + (usage.tokens_out or 0)
        self._usd += usage.usd or 0.0


async def _together(work: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All results; after the first failure the rest is cancelled, and the first in order raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    if not tasks:
        return []
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task in done and task.exception() is not None]
        if failed:
            failed[0].result()
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
