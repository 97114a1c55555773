"""Operators that are more than one prompt: ensembles, and those that run code.

Signatures and prompts are in the catalog; these are the coroutines it names. Model-written code
goes to the sandbox and nowhere else, and tests are the public ones of the task at hand.
"""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from typing import Any

from guerdon.types import derive_seed
from guerdon.workflow.kinds import TEXT
from guerdon.workflow.operators import OperatorFailed, Step, ask_fields, extract_code, user
from guerdon.workflow.trace import CodeResult

NUM_VOTES = 5
NUM_PROGRAMS = 3
MAX_REPAIRS = 3
SHOWN_CHARS = 2_000
"""Of an error that is shown to a model."""


async def choose_consistent(step: Step) -> dict[str, Any]:
    """ScEnsemble: the candidate most others agree with, by one call; equal ones need none."""
    candidates = _candidates(step)
    index = await _vote(step, candidates, num_asks=2) if len(candidates) > 1 else 0
    return {"response": candidates[index]}


async def choose_by_votes(step: Step) -> dict[str, Any]:
    """MdEnsemble: the majority of five votes over shuffled candidates; the first one wins a tie.

    A vote that cannot be read does not count.

    Raises:
        OperatorFailed: none could be read.
    """
    candidates = _candidates(step)
    if len(candidates) == 1:
        return {"solution": candidates[0]}
    votes: Counter[int] = Counter()
    problem = ""
    for number in range(NUM_VOTES):
        order = list(range(len(candidates)))
        random.Random(derive_seed("MdEnsemble", number, *candidates)).shuffle(order)
        try:
            votes[order[await _vote(step, [candidates[i] for i in order], num_asks=1)]] += 1
        except OperatorFailed as error:
            problem = str(error)
    if not votes:
        raise OperatorFailed(f"no vote could be read: {problem}")
    best = max(sorted(votes), key=lambda index: votes[index])
    return {"solution": candidates[best]}


async def program(step: Step) -> dict[str, Any]:
    """Programmer: a program that computes the answer, run in the sandbox; errors are shown to the
    model. After the last attempt the output says what failed."""
    question = user(step.prompt())
    messages, code, result = [question], "", CodeResult("refused", error="nothing was run")
    for _ in range(NUM_PROGRAMS):
        reply = await step.ask(*messages)
        code = extract_code(reply, "solve")
        result = await step.run(code, "solve")
        if result.status == "ok":
            return {"code": code, "output": _shown(result.value)}
        failure = f"The program failed. {_failure(result)}\nWrite a corrected program, whole."
        messages = [question, {"role": "assistant", "content": reply}, user(failure)]
    return {"code": code, "output": f"Error: {_failure(result)}"}


async def test(step: Step) -> dict[str, Any]:
    """Test: run the public tests; have the solution improved after a failure, and test again.

    Raises:
        OperatorFailed: the task has no public tests, or the entry point is no name.
    """
    entry_point = str(step.values["entry_point"])
    if not step.tests:
        raise OperatorFailed("the task has no public tests")
    if not entry_point.isidentifier():
        raise OperatorFailed(f"entry point {entry_point[:40]!r} is not the name of a function")
    solution = extract_code(str(step.values["solution"]), entry_point)
    repairs = max(0, min(int(step.values["test_loop"]), MAX_REPAIRS))
    for number in range(repairs + 1):
        failure = await _first_failure(step, solution, entry_point)
        if failure is None:
            return {"result": True, "solution": solution}
        if number < repairs:
            reply = await step.ask(user(step.prompt(solution=solution, failure=failure)))
            solution = extract_code(reply, entry_point)
    return {"result": False, "solution": solution}


async def _first_failure(step: Step, solution: str, entry_point: str) -> str | None:
    for one in step.tests:
        result = await step.run(f"{solution}\n\ncandidate = {entry_point}\n{one}\n")
        if result.status != "ok":
            return f"{one}\n{_failure(result)}"
    return None


def _candidates(step: Step) -> list[str]:
    """The different solutions, in order."""
    found = list(dict.fromkeys(str(one) for one in step.values["solutions"] if str(one).strip()))
    if not found:
        raise OperatorFailed("there is no solution to choose from")
    if len(found) > len(string.ascii_uppercase):
        raise OperatorFailed(f"{len(found)} solutions are too many to choose from")
    return found


async def _vote(step: Step, candidates: list[str], num_asks: int) -> int:
    """The index of the candidate a model names."""
    given = [str(one) for one in step.values["solutions"]]
    shown = "\n\n".join(
        f"{letter}: {text}"
        + (f"\n(given {given.count(text)} times)" if given.count(text) > 1 else "")
        for letter, text in zip(string.ascii_uppercase, candidates, strict=False)
    )

    def accept(fields: dict[str, Any]) -> int:
        letter = fields["solution_letter"].strip(" .:()").upper()
        index = string.ascii_uppercase.find(letter) if len(letter) == 1 else -1
        if not 0 <= index < len(candidates):
            raise ValueError(f"there is no solution {letter[:20]!r}")
        return index

    wanted = (("thought", TEXT), ("solution_letter", TEXT))
    return await ask_fields(step, step.prompt(candidates=shown), wanted, accept, num_asks)


def _failure(result: CodeResult) -> str:
    return f"{result.status}: {result.error or result.output}"[-SHOWN_CHARS:]


def _shown(value: Any) -> str:
    """A returned value as text; what is not a text as JSON has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
