"""What an operator does with its inputs: ask a model, read the reply, run code elsewhere.

`Step` is one use of an operator, with a record of everything it did. An operator that has only a
prompt is run by `use`; the others are the coroutines of `procedures`. A reply that cannot be read
is asked for once more and is then an error: there is no default.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from guerdon.config.target import locate
from guerdon.types import Message
from guerdon.workflow.catalog import Operator, fill
from guerdon.workflow.fences import fenced_blocks
from guerdon.workflow.kinds import BOOL, NUMBER, Kind
from guerdon.workflow.trace import CodeResult, CodeRun, ModelCall, NodeRun

T = TypeVar("T")

_TRUE, _FALSE = {"true", "yes"}, {"false", "no"}


class OperatorFailed(Exception):
    """An operator has no result: the reply was empty or unreadable, an input made no sense."""


@runtime_checkable
class CodeRunner(Protocol):
    """Runs code that nobody trusts, somewhere it can do no harm."""

    async def run_code(
        self, program: str, *, function: str | None = None, timeout_s: float
    ) -> CodeResult:
        """Run a program; then call ``function`` without arguments, if one is named.

        Raises:
            SandboxError: the sandbox itself failed; a program that fails is a result.
        """
        ...


Asking = Callable[[str, tuple[Message, ...]], Awaitable[ModelCall]]
"""How a question reaches a model: (name in `models`, messages)."""


@dataclass
class Step:
    """One use of an operator."""

    operator: Operator
    values: Mapping[str, Any]
    """Its inputs, defaults filled in."""
    record: NodeRun
    asking: Asking
    tests: tuple[str, ...] = ()
    sandbox: CodeRunner | None = None
    code_timeout_s: float = 15.0

    def prompt(self, **more: Any) -> str:
        """The operator's prompt with the inputs and more in it."""
        return fill(self.operator.prompt, {**self.values, **more})

    async def ask(self, *messages: Message) -> str:
        """A reply.

        Raises:
            OperatorFailed: it is empty.
        """
        call = await self.asking(self.operator.model, messages)
        self.record.calls.append(call)
        if not call.text.strip():
            raise OperatorFailed("empty reply")
        return call.text

    async def run(self, program: str, function: str | None = None) -> CodeResult:
        """Run model-written code in the sandbox.

        Raises:
            OperatorFailed: there is no sandbox.
        """
        if self.sandbox is None:
            raise OperatorFailed("this operator runs code, and no sandbox was given")
        started = time.perf_counter()
        result = await self.sandbox.run_code(
            program, function=function, timeout_s=self.code_timeout_s
        )
        seconds = time.perf_counter() - started
        self.record.code_runs.append(CodeRun(program, function, result, seconds))
        return result


async def use(step: Step) -> dict[str, Any]:
    """Run an operator and return its outputs.

    Raises:
        OperatorFailed: it has no result.
    """
    operator = step.operator
    if operator.run is not None:
        outputs: dict[str, Any] = await locate(operator.run)(step)
        return outputs
    if operator.reply == "fields":
        return await ask_fields(step, step.prompt(), operator.outputs, dict)
    text = await step.ask(user(step.prompt()))
    ((name, _),) = operator.outputs
    return {name: extract_code(text) if operator.reply == "code" else text}


def user(text: str) -> Message:
    """A message to a model."""
    return {"role": "user", "content": text}


async def ask_fields(
    step: Step,
    prompt: str,
    wanted: Sequence[tuple[str, Kind]],
    accept: Callable[[dict[str, Any]], T],
    num_asks: int = 2,
) -> T:
    """Ask for named fields and read them; ask again, showing what was wrong, if that fails.

    Args:
        accept: makes the result of the fields, or raises ValueError if they make no sense.
        num_asks: how often to ask in all.

    Raises:
        OperatorFailed: no reply could be read.
    """
    form = "\n".join(f"<{name}>{_described(kind)}</{name}>" for name, kind in wanted)
    first = user(f"{prompt}\n\nReply in exactly this form:\n{form}")
    messages, problem = [first], ""
    for _ in range(num_asks):
        call = await step.asking(step.operator.model, tuple(messages))
        step.record.calls.append(call)
        try:
            return accept(read_fields(call.text, wanted))
        except ValueError as error:
            problem = str(error)
        repair = user(f"This could not be read: {problem}. Reply in exactly this form:\n{form}")
        messages = [first, {"role": "assistant", "content": call.text}, repair]
    raise OperatorFailed(f"unreadable reply: {problem}")


def read_fields(text: str, wanted: Sequence[tuple[str, Kind]]) -> dict[str, Any]:
    """Typed values from ``<name>value</name>``.

    Raises:
        ValueError: a field is missing, or is not of its type.
    """
    if not text.strip():
        raise ValueError("the reply is empty")
    found: dict[str, Any] = {}
    for name, kind in wanted:
        start = text.find(f"<{name}>")
        end = text.find(f"</{name}>", start)
        if start < 0 or end < 0:
            raise ValueError(f"there is no <{name}>...</{name}>")
        found[name] = _typed(name, text[start + len(name) + 2 : end].strip(), kind)
    return found


def extract_code(reply: str, entry_point: str = "") -> str:
    """The Python in a reply: its fenced blocks, or all of it.

    Of several blocks, the last one that defines ``entry_point``; otherwise all of them.
    """
    found = fenced_blocks(reply)
    blocks = [code for tag, code in found if tag in ("python", "py", "python3")]
    blocks = blocks or [code for _, code in found] or [reply]
    defining = [code for code in blocks if entry_point and f"def {entry_point}" in code]
    return "\n".join(defining[-1:] or blocks).strip("\n")


def _described(kind: Kind) -> str:
    return {"Bool": "true or false", "Number": "a number"}.get(kind.name, "...")


def _typed(name: str, text: str, kind: Kind) -> Any:
    if kind == BOOL:
        word = text.lower().strip(" .!")
        if word not in _TRUE | _FALSE:
            raise ValueError(f"<{name}> is {text[:40]!r}, not true or false")
        return word in _TRUE
    if kind == NUMBER:
        try:
            return float(text.replace(",", ""))
        except ValueError:
            raise ValueError(f"<{name}> is {text[:40]!r}, not a number") from None
    return extract_code(text) if kind.name == "Code" else text
