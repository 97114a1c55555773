"""The sandbox as workflows use it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from guerdon.sandbox import Result, Sandbox, Status
from guerdon.workflow.trace import CodeResult


@dataclass(frozen=True)
class SandboxedCode:
    """A `CodeRunner` over ``sandbox``: programs end by its own limit or the workflow's, whichever
    comes first."""

    sandbox: Sandbox
    _shorter: dict[float, Sandbox] = field(default_factory=dict, init=False, repr=False)
    """Sandboxes with less time, by the seconds they give."""

    async def run_code(
        self, program: str, *, function: str | None = None, timeout_s: float
    ) -> CodeResult:
        """Run a program, or call a function it defines; see `operators.CodeRunner`."""
        sandbox = self._with(timeout_s)
        if function is None:
            return _result(await sandbox.run(program))
        return _result(await sandbox.call(program, function))

    def _with(self, timeout_s: float) -> Sandbox:
        limits = self.sandbox.limits
        if timeout_s >= limits.wall_s:
            return self.sandbox
        if timeout_s not in self._shorter:
            shorter = replace(limits, wall_s=timeout_s)
            self._shorter[timeout_s] = replace(self.sandbox, limits=shorter)
        return self._shorter[timeout_s]


def _result(result: Result) -> CodeResult:
    """A sandbox's result in the words of a trace: an exception's status is its class."""
    is_exception = result.status is Status.exception
    status = result.exception or "exception" if is_exception else result.status.value
    error = "" if result.ok else result.note or result.errors[-2_000:]
    return CodeResult(status, _plain(result.value), result.output, error)


def _plain(value: Any) -> Any:
    """A value as JSON has it; what JSON does not have as Python writes it."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, str | bool | int | float) else repr(value)
