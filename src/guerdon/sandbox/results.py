"""What running a program gives: a status that was observed, never read from text."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from guerdon.sandbox.inside import values


class Status(StrEnum):
    """How a program ended."""

    ok = "ok"
    """It ran to its end; a function's value is plain data."""
    exception = "exception"
    """It raised; ``Result.exception`` is the class."""
    timeout = "timeout"
    out_of_memory = "out_of_memory"
    killed = "killed"
    """A signal ended it, or it ended without saying how."""
    too_large = "too_large"
    """It wrote more than it may, or its value is larger than it may be."""
    refused = "refused"
    """It was not run (an import that is not allowed, no such function), or what it gave back is
    not plain data or not one well-formed report."""
    nondeterministic = "nondeterministic"
    """Two runs with different hash seeds did not end alike."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program used, measured outside of it."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    """Largest resident size, the interpreter's own (about 15) included."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended and what it gave. All text and values in it are the program's own words:
    data to compare, never a verdict."""

    status: Status
    value: Any = None
    """What the function returned, made of plain types only."""
    output: str = ""
    """What it wrote to stdout."""
    errors: str = ""
    """What it wrote to stderr."""
    exception: str = ""
    """The class of the exception that ended it."""
    note: str = ""
    """Why: the exception's message, the reason of a refusal, the signal."""
    usage: Usage = Usage()

    @property
    def ok(self) -> bool:
        """Whether ``status`` is ok."""
        return self.status is Status.ok


@dataclass(frozen=True, slots=True)
class Report:
    """What a warden saw, and the program's own claim."""

    header: Mapping[str, Any]
    claim: bytes
    stdout: bytes
    stderr: bytes


def judge(report: Report) -> Result:
    """The result that a report amounts to: what the warden saw comes first, a claim second."""
    header = report.header
    usage = Usage(header["wall_s"], header["cpu_s"], header["memory_kb"] / 1024)
    seen = _seen(header) or _claimed(report.claim)
    return replace(
        seen,
        output=report.stdout.decode("utf-8", "replace"),
        errors=report.stderr.decode("utf-8", "replace"),
        usage=usage,
    )


def same(one: Result, two: Result) -> bool:
    """Whether two results tell the same story, but for what they used."""
    if (one.status, one.exception, one.output) != (two.status, two.exception, two.output):
        return False
    return values.canonical(one.value) == values.canonical(two.value)


def _seen(header: Mapping[str, Any]) -> Result | None:
    """What the warden knows to have happened; None: the program ended by itself."""
    if header["reason"] is not None:
        return Result(Status(header["reason"]))
    number = header["signal"]
    if number == signal.SIGXCPU:
        return Result(Status.timeout, note="processor time")
    if number is not None:
        return Result(Status.killed, note=f"signal {number}")
    if header["exit"] != 0:
        return Result(Status.killed, note=f"exit code {header['exit']}")
    return None


def _claimed(claim: bytes) -> Result:
    """A program's own account, if it is well-formed."""
    if not claim:
        return Result(Status.killed, note="it ended without a report")
    try:
        said = values.loads(claim)
        if isinstance(said, list) and said:
            match said:
                case ["ok", value]:
                    return Result(Status.ok, value=values.decode(value))
                case ["exception", str(name), str(message)]:
                    return Result(Status.exception, exception=name[:100], note=message[:500])
                case ["refused", str(why)]:
                    return Result(Status.refused, note=why[:500])
                case ["memory"]:
                    return Result(Status.out_of_memory)
                case ["too_large"]:
                    return Result(Status.too_large)
    except values.TooLarge:
        return Result(Status.too_large)
    except values.NotPlain:
        pass
    return Result(Status.refused, note="its report is not well-formed")
