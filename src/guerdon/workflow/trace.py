"""What a run of a workflow did, call by call; as JSON it is all that a replay needs.

Cost is what was measured at the models, never what a program says. What is not known is None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from guerdon.errors import ConfigError
from guerdon.types import FinishReason, Message
from guerdon.workflow.limits import Limits

Status = Literal["ok", "failed", "over_budget", "timeout", "cancelled"]

FORMAT = "guerdon-workflow-trace/1"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a workflow is run on.

    Args:
        problem: the problem with its context.
        entry_point: of a code problem: the function to write.
        tests: public tests, which the Test operator may run; never those the reward runs.
    """

    problem: str
    entry_point: str = ""
    tests: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, str]:
        """By parameter of the signature."""
        tests = "\n".join(self.tests)
        return {"problem": self.problem, "entry_point": self.entry_point, "test": tests}


@dataclass(slots=True)
class Usage:
    """What one model call used; None where nobody says.

    ``usd`` is what the answer is worth at the price list, whether it came from a cache or not;
    ``paid_usd`` is what was charged for it now.
    """

    tokens_in: int | None = None
    tokens_out: int | None = None
    usd: float | None = None
    paid_usd: float | None = None
    is_cached: bool = False


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One question to a model and its answer."""

    model: str
    messages: tuple[Message, ...]
    sample: int
    """How many equal questions this workflow had asked before."""
    text: str
    finish_reason: FinishReason
    usage: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What became of a program in the sandbox.

    ``status`` is "ok" or what went wrong (the exception's class, "timeout", ...); ``value`` is what
    the called function returned, as JSON has it.
    """

    status: str
    value: Any = None
    output: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class CodeRun:
    """One program in the sandbox."""

    program: str
    function: str | None
    result: CodeResult
    seconds: float


@dataclass(slots=True)
class NodeRun:
    """One use of an operator.

    Args:
        id: counts the uses of a run.
        site: which call of the program's text it is, counted from 0.
        branch: its place among calls made at once.
    """

    id: int
    site: int
    operator: str
    target: str
    line: int
    branch: int = 0
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    status: Status = "ok"
    error: str = ""
    calls: list[ModelCall] = field(default_factory=list)
    code_runs: list[CodeRun] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def usd(self) -> float | None:
        """What its model calls cost; None where that of one is unknown."""
        return _usd(self.calls)

    @property
    def num_tokens(self) -> int | None:
        """Tokens read and written; None where those of one call are unknown."""
        return _num_tokens(self.calls)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a workflow, finished or not.

    ``answer`` is None unless ``status`` is "ok": a program that failed answered nothing.
    """

    program: str
    """In the compact form, which is lossless."""
    inputs: Inputs
    status: Status
    answer: str | None
    error: str
    nodes: tuple[NodeRun, ...]
    seconds: float
    limits: Limits

    @property
    def calls(self) -> list[ModelCall]:
        """Every model call, in the order of the nodes."""
        return [call for node in self.nodes for call in node.calls]

    @property
    def usd(self) -> float | None:
        """What it cost; None where the cost of a call is unknown."""
        return _usd(self.calls)

    @property
    def num_tokens(self) -> int | None:
        """Tokens read and written; None where those of a call are unknown."""
        return _num_tokens(self.calls)

    def to_json(self) -> dict[str, Any]:
        """As JSON has it; `read_run` makes it a run again."""
        return {"format": FORMAT, **asdict(self)}

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1)


def load_run(path: str | Path) -> Run:
    """The run in a trace file, or in the record of an episode.

    Raises:
        ConfigError: it is none.
    """
    try:
        kept = json.loads(Path(path).read_text(encoding="utf-8"))
        kept = kept.get("run", kept)
        if kept is None:
            raise ValueError("the program was invalid and was not run")
        return read_run(kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{str(path)!r} is no trace of a workflow ({error})") from None


def read_run(kept: Mapping[str, Any]) -> Run:
    """The run of which ``kept`` is the JSON.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is none.
    """
    values = dict(kept)
    if values.pop("format") != FORMAT:
        raise ValueError("another format")
    inputs = values.pop("inputs")
    nodes = tuple(_node(dict(node)) for node in values.pop("nodes"))
    given = Inputs(inputs["problem"], inputs["entry_point"], tuple(inputs["tests"]))
    limits = Limits(**values.pop("limits"))
    return Run(inputs=given, nodes=nodes, limits=limits, **values)


def _node(kept: dict[str, Any]) -> NodeRun:
    calls = [
        ModelCall(**{**call, "messages": tuple(call["messages"]), "usage": Usage(**call["usage"])})
        for call in kept.pop("calls")
    ]
    runs = [CodeRun(**{**run, "result": CodeResult(**run["result"])})
            for run in kept.pop("code_runs")]  # fmt: skip
    return NodeRun(calls=calls, code_runs=runs, **kept)


def _usd(calls: Sequence[ModelCall]) -> float | None:
    """What calls cost; None where the cost of one is unknown."""
    costs = [call.usage.usd for call in calls]
    known = [cost for cost in costs if cost is not None]
    return float(sum(known)) if len(known) == len(costs) else None


def _num_tokens(calls: Sequence[ModelCall]) -> int | None:
    """Tokens of calls; None where those of one are unknown."""
    counts = [n for call in calls for n in (call.usage.tokens_in, call.usage.tokens_out)]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
