"""Runs a recorded workflow again from its trace: no server, no sandbox, the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from guerdon.errors import EngineError, SandboxError
from guerdon.types import Completion, Message, Model, Sampling
from guerdon.workflow.catalog import Catalog
from guerdon.workflow.dsl import parse_dsl
from guerdon.workflow.interpret import run
from guerdon.workflow.trace import CodeResult, ModelCall, Run, Usage

if TYPE_CHECKING:
    from guerdon.templates import ChatTemplate


async def replay(recorded: Run, catalog: Catalog) -> Run:
    """The same program on the same inputs, answered from the record.

    A run that took too long comes back as it is: its time cannot be repeated.

    Args:
        catalog: the operators it was recorded with.

    Raises:
        EngineError, SandboxError: the program asks for what was never recorded; program, operators
            or prompts are not those of the record.
    """
    if recorded.status == "timeout":
        return recorded
    program = parse_dsl(recorded.program, catalog).program
    if program is None:
        raise EngineError("the trace's program cannot be read; were its operators others?")
    source = _Record(recorded)
    names = {call.model for call in recorded.calls}
    names |= {one.model for one in catalog.operators.values()}
    return await run(
        program,
        catalog,
        recorded.inputs,
        {name: Model(_Recorded(source, name), Sampling(seed=0)) for name in names},
        limits=recorded.limits,
        sandbox=source,
        meter=source.meter,
    )


def differences(recorded: Run, again: Run) -> list[str]:
    """What is not the same, a line each; times do not count."""
    found = [
        f"{name}: {getattr(recorded, name)!r} was recorded, now {getattr(again, name)!r}"
        for name in ("status", "answer", "error", "usd", "num_tokens")
        if getattr(recorded, name) != getattr(again, name)
    ]
    before, after = ([_timeless(call) for call in one.calls] for one in (recorded, again))
    if before != after:
        found.append(f"calls: {len(before)} were recorded, now {len(after)}, not all of them equal")
    return found


def _timeless(call: ModelCall) -> ModelCall:
    return replace(call, seconds=0.0)


class _Record:
    """Answers of models and of the sandbox, by question."""

    def __init__(self, recorded: Run) -> None:
        self._usage = Usage()
        self._calls = {
            (call.model, repr(call.messages), Sampling(seed=0).at(call.sample).seed): call
            for call in recorded.calls
        }
        self._runs = {
            (one.program, one.function): one.result
            for node in recorded.nodes
            for one in node.code_runs
        }

    @contextmanager
    def meter(self) -> Iterator[Usage]:
        """What the recorded call used; nothing is awaited between it and its answer."""
        usage = Usage()
        yield usage
        known = self._usage
        usage.tokens_in, usage.tokens_out = known.tokens_in, known.tokens_out
        usage.usd, usage.paid_usd = known.usd, known.paid_usd
        usage.is_cached = known.is_cached

    def answer(self, model: str, messages: tuple[Message, ...], seed: int) -> ModelCall:
        """What was answered."""
        call = self._calls.get((model, repr(messages), seed))
        if call is None:
            raise EngineError(f"the trace has no such question to {model!r}: {messages!r:.200}")
        self._usage = call.usage
        return call

    async def run_code(
        self, program: str, *, function: str | None = None, timeout_s: float
    ) -> CodeResult:
        """What became of the program."""
        result = self._runs.get((program, function))
        if result is None:
            raise SandboxError(f"the trace has no run of this program: {program[:200]!r}")
        return result


class _Recorded:
    """An engine that answers from a record."""

    template: ChatTemplate | None = None

    def __init__(self, source: _Record, name: str) -> None:
        self._source, self._name = source, name

    async def generate(
        self, prompt: tuple[int, ...] | tuple[Message, ...], sampling: Sampling
    ) -> Completion:
        call = self._source.answer(self._name, prompt, sampling.seed)  # type: ignore[arg-type]
        return Completion(call.text, finish_reason=call.finish_reason)
