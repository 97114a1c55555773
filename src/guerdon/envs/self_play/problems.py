"""Problems about programs: the four kinds, and how each is kept in a task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from guerdon.errors import ConfigError
from guerdon.types import Task

Kind = Literal["code_o", "code_i", "code_f", "code_e"]
"""What is asked for: the output (deduction), an input (abduction), the program (induction), or the
class of the error."""
KINDS: tuple[Kind, ...] = get_args(Kind)

NO_ERROR = "NoError"
"""The answer to code_e where the program ends well."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A program, what goes in and what comes out. All of it is text."""

    kind: Kind
    program: str
    inputs: tuple[str, ...]
    """Arguments of f as they stand between its brackets; of code_f several, else one."""
    outputs: tuple[str, ...]
    """What f gives for each; of code_e the class of the error or `NO_ERROR`."""
    message: str = ""
    """Of code_f: what the program does, in its proposer's words."""

    @property
    def num_shown(self) -> int:
        """Of code_f: how many pairs the solver sees; the others are what it is tested on."""
        return len(self.inputs) // 2

    @property
    def answer(self) -> str:
        """A right answer: of code_i one of many, of code_f the program itself."""
        if self.kind == "code_f":
            return self.program
        return self.inputs[0] if self.kind == "code_i" else self.outputs[0]

    @property
    def subject(self) -> str:
        """What it is about, for comparing it with others."""
        return "\n".join([self.program, *self.inputs, self.message])


def to_task(problem: Problem) -> Task:
    """The problem as a task; equal problems have equal ids."""
    saved = asdict(problem)
    digest = hashlib.blake2b(json.dumps(saved).encode(), digest_size=8).hexdigest()
    return Task(
        id=f"{problem.kind}/{digest}",
        prompt=({"role": "user", "content": describe(problem)},),
        answer=problem.answer,
        domain=problem.kind,
        info=json.loads(json.dumps(saved)) | {"subject": problem.subject},
    )


def from_info(task_id: str, info: object) -> Problem:
    """The problem that `to_task` put into a task's ``info``.

    Raises:
        ConfigError: there is none.
    """
    if not isinstance(info, dict) or info.get("kind") not in KINDS:
        raise ConfigError(
            f"task {task_id!r} is no problem about a program: its info needs kind (one of "
            f"{', '.join(KINDS)}), program, inputs and outputs; see guerdon.envs.self_play.problems"
        )
    return Problem(
        info["kind"],
        info["program"],
        tuple(info["inputs"]),
        tuple(info["outputs"]),
        info.get("message", ""),
    )


def describe(problem: Problem) -> str:
    """What is known and what is asked, without a word on how to answer."""
    program = f"A Python program:\n{fence('python', problem.program)}\n\n"
    given = fence("input", problem.inputs[0])
    if problem.kind == "code_o":
        return f"{program}f is called with these arguments:\n{given}\n\nWhat does it return?"
    if problem.kind == "code_e":
        return (
            f"{program}f is called with these arguments:\n{given}\n\nWhich class has the exception "
            f"that ends the call? If there is none, the answer is {NO_ERROR}."
        )
    if problem.kind == "code_i":
        returned = fence("output", problem.outputs[0])
        return (
            f"{program}A call of f returned this:\n{returned}\n\n"
            "Give arguments for which f returns exactly this. Any such arguments will do."
        )
    shown = pairs(problem.inputs[: problem.num_shown], problem.outputs)
    return (
        f"A Python function f, which you cannot see, returned these values:\n\n{shown}\n\n"
        f"This is said about it: {problem.message}\n\n"
        "Write f, so that it does the same for other arguments."
    )


def pairs(inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """Calls of f and what they gave, numbered."""
    return "\n".join(
        f"{fence(f'input_{number}', given)}\n{fence(f'output_{number}', got)}"
        for number, (given, got) in enumerate(zip(inputs, outputs, strict=False), 1)
    )


def fence(tag: str, text: str) -> str:
    """A block of text between fences."""
    return f"```{tag}\n{text}\n```"
