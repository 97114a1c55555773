"""Is an answer to a problem about a program right? Answers are data, programs are sandboxed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guerdon.envs.self_play.literals import NotLiteral, Numbers, read_value, same
from guerdon.envs.self_play.problems import NO_ERROR, Problem
from guerdon.envs.self_play.programs import Unfit, Workshop
from guerdon.sandbox import values

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Grade:
    """1 right, 0 wrong, of code_f perhaps in between; and why."""

    score: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Grader:
    """Grades answers to problems of all kinds.

    | Kind | Right is |
    |---|---|
    | code_o | a literal of the very value that the program gave |
    | code_i | literals for which the program, run again, gives the output |
    | code_e | the class of the error, whatever its case, or NoError |
    | code_f | a program that gives the output for the pairs the solver has not seen |

    Args:
        workshop: runs programs; its rules hold for the solver's, too.
        numbers: ``exact``: 1, 1.0 and True are three values. ``equal``: one.
        code_f: ``all``: right if every hidden pair is; ``any``: if one is; ``share``: how many are.
    """

    workshop: Workshop
    numbers: Numbers = "exact"
    code_f: Literal["all", "any", "share"] = "all"

    async def grade(self, problem: Problem, answer: str) -> Grade:
        """Grade one answer.

        Raises:
            SandboxError: the sandbox failed.
        """
        try:
            if problem.kind == "code_o":
                return self._value(answer, problem)
            if problem.kind == "code_e":
                return _name(answer, problem)
            if problem.kind == "code_i":
                right = await self._gives(problem.program, answer, problem.outputs[0])
                return Grade(float(right), "" if right else "f gives something else")
            return await self._program(answer, problem)
        except (NotLiteral, Unfit, values.NotPlain, values.TooLarge) as error:
            return Grade(0.0, f"{error!s:.{_SHOWN}}")

    def _value(self, answer: str, problem: Problem) -> Grade:
        right = same(read_value(answer), read_value(problem.outputs[0]), self.numbers)
        return Grade(float(right), "" if right else f"not {problem.outputs[0]:.{_SHOWN}}")

    async def _gives(self, program: str, arguments: str, output: str) -> bool:
        ran = await self.workshop.run(program, arguments)
        return ran.error is None and same(ran.value, read_value(output), self.numbers)

    async def _program(self, program: str, problem: Problem) -> Grade:
        self.workshop.look_at(program)
        hidden = list(zip(problem.inputs, problem.outputs, strict=True))[problem.num_shown :]
        found: list[bool] = []
        for given, output in hidden:
            found.append(await self._passes(program, given, output))
            if self.code_f == "all" and not found[-1]:
                break
        return Grade(self._score(found, len(hidden)), f"{sum(found)} of {len(hidden)} pairs")

    async def _passes(self, program: str, given: str, output: str) -> bool:
        try:
            return await self._gives(program, given, output)
        except Unfit:
            return False

    def _score(self, found: Sequence[bool], num_hidden: int) -> float:
        if self.code_f == "share":
            return sum(found) / num_hidden
        return float(any(found) if self.code_f == "any" else sum(found) == num_hidden)


def _name(answer: str, problem: Problem) -> Grade:
    said = answer.strip().replace(":", " ").split()
    named = said[0].strip("`'\"").casefold() if said else ""
    right = named == problem.outputs[0].casefold()
    return Grade(float(right), "" if right else f"not {problem.outputs[0] or NO_ERROR}")
