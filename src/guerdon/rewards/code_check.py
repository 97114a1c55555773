"""CodeCheck: does a program pass a ``check(candidate)``, as HumanEval and MBPP write their tests?

Such a test computes: it loops, rounds, calls helpers. Beside the program it could be changed by it,
so the two never meet. The test runs in one sandboxed process with a table in the function's place,
the program in another, which is told arguments and gives back values:

1. the test runs with the reference solution, and what it calls the function with is recorded;
2. the program is called with that;
3. the test runs with the program's answers. What it now asks for besides goes through 2 again.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.code_tests import find_code
from guerdon.sandbox import Result, Sandbox
from guerdon.types import Models, Reward, Task
from guerdon.workflow.fences import fenced_blocks

PRELUDE = "import hashlib, math, re\nfrom typing import Any, Dict, List, Optional, Tuple, Union\n"
"""What programs may use without importing it: the original scorers allow it."""

_ROUNDS = 3
"""How often a test may ask for values that depend on the program's own."""

_TESTER = """
import copy as _copy, random as _random

_seen = []

class _Missing(Exception):
    pass

class _Object:  # stands for a value that is not plain: only its truth is known
    def __init__(self, truth):
        self.truth = truth
    def __bool__(self):
        return self.truth

def _key(value):
    if isinstance(value, (set, frozenset)):
        return sorted(map(_key, value))
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + str(list(map(_key, value)))
    if isinstance(value, dict):
        return "dict" + str([(_key(key), _key(one)) for key, one in value.items()])
    return repr(value)

def _guerdon_record():
    calls, function = [], _guerdon_reference
    def candidate(*args, **kwargs):
        calls.append(_copy.deepcopy([list(args), kwargs]))
        return function(*args, **kwargs)
    _random.seed(0)
    check(candidate)
    return [calls, _seen]

def _guerdon_check(table):
    answers, missing, ended = {}, [], True
    for args, kwargs, kind, value in table:
        answers.setdefault(_key([args, kwargs]), []).append((kind, value))
    def candidate(*args, **kwargs):
        known = answers.get(_key([list(args), kwargs]))
        if not known:
            missing.append(_copy.deepcopy([list(args), kwargs]))
            raise _Missing
        kind, value = known.pop(0) if len(known) > 1 else known[0]
        if kind == "raised":
            raise Exception(value)
        return _Object(bool(value)) if kind == "object" else _copy.deepcopy(value)
    _random.seed(0)
    try:
        check(candidate)
    except Exception:
        ended = False
    return [_seen, ended, missing]
"""

_CALLER = """
def _guerdon_plain(value):
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return kind(map(_guerdon_plain, value))
    if isinstance(value, dict):
        return {_guerdon_plain(key): _guerdon_plain(one) for key, one in value.items()}
    for kind in (bool, int, float, str, bytes):
        if isinstance(value, kind):
            return kind(value)
    if value is None or type(value) is complex:
        return value
    raise TypeError

def _guerdon_call(calls):
    import random
    random.seed(0)
    answers = []
    for args, kwargs in calls:
        try:
            value = ENTRY_POINT(*args, **kwargs)
        except Exception as error:
            answers.append(["raised", type(error).__name__])
            continue
        try:
            answers.append(["value", _guerdon_plain(value)])
        except Exception:
            answers.append(["object", bool(value)])
    return answers
"""


@dataclass(frozen=True, kw_only=True)
class CodeCheck:
    """1 if the program passes every assertion of the task's check, else 0; or their share.

    The task's info has ``check`` or ``hidden_check`` (the source of ``check(candidate)``),
    ``entry_point``, ``solution`` (a reference program) and ``setup`` (code both sides may use). The
    program is the last block of Python that defines the entry point, or a whole response that does.

    | Case | Outcome |
    |---|---|
    | no code, it fails, is too slow | 0 |
    | it gives what is not plain data | an object of which only its truth is known |
    | no check, or one that its own reference does not pass | ``RewardError`` |
    | the sandbox fails | ``SandboxError`` |

    Args:
        sandbox: where all of it runs; its time limit holds for a whole check.
        check_key: ``hidden_check`` leaves out the tests that a workflow could see; ``check`` is all
            of them, as the data set scores.
        partial: the value is the share of assertions that hold.
    """

    sandbox: Sandbox
    check_key: str = "hidden_check"
    partial: bool = False

    def __post_init__(self) -> None:
        if self.check_key not in ("hidden_check", "check"):
            raise ConfigError(f"CodeCheck: check_key is {self.check_key!r}; use check or "
                              f"hidden_check")  # fmt: skip

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Test one response; ``models`` is not used."""
        test, entry_point = self._test(task), str(task.info.get("entry_point", ""))
        code = program_in(response, entry_point)
        if code is None:
            return Reward(0.0, {"passed": 0.0}, note="no block of code")
        calls, num_tests = await self._record(task, test, entry_point)
        setup = f"{PRELUDE}{task.info.get('setup', '')}\n"
        program = f"{setup}{code}\n{_CALLER.replace('ENTRY_POINT', entry_point)}"
        table: list[list[Any]] = []
        for _ in range(_ROUNDS):
            answers = await self.sandbox.call(program, "_guerdon_call", [calls])
            if not _are_answers(answers, len(calls)):
                return Reward(0.0, {"passed": 0.0}, note=_why(answers))
            table += [[*call, *one] for call, one in zip(calls, answers.value, strict=True)]
            found = await self.sandbox.call(f"{setup}{test}{_TESTER}", "_guerdon_check", [table])
            if not found.ok:
                raise RewardError(f"task {task.id!r}: its check does not end: {_why(found)}")
            seen, ended, calls = found.value
            if not calls:
                break
        passed = sum(seen) / max(num_tests, len(seen))
        value = passed if self.partial else float(ended and not calls and all(seen))
        return Reward(value, {"passed": passed}, note=f"{sum(seen)} of {num_tests} tests passed")

    def _test(self, task: Task) -> str:
        """The source of the check, its assertions counted instead of raised."""
        source = task.info.get(self.check_key)
        if not source or not str(task.info.get("entry_point", "")).isidentifier():
            raise RewardError(f"task {task.id!r} has no {self.check_key} or no entry_point")
        try:
            return ast.unparse(ast.fix_missing_locations(_Counted().visit(ast.parse(source))))
        except (SyntaxError, ValueError, RecursionError) as error:
            raise RewardError(f"task {task.id!r}: its check cannot be read: {error}") from error

    async def _record(self, task: Task, test: str, entry_point: str) -> tuple[list[Any], int]:
        """What the check calls the function with, and how many assertions it makes."""
        setup = f"{PRELUDE}{task.info.get('setup', '')}\n{task.info.get('solution', '')}\n"
        code = f"{setup}_guerdon_reference = {entry_point}\n{test}{_TESTER}"
        found = await self.sandbox.call(code, "_guerdon_record")
        if not found.ok:
            raise RewardError(
                f"task {task.id!r}: its check cannot be run with its own solution: {_why(found)}"
            )
        calls, seen = found.value
        if not seen or not all(seen):
            raise RewardError(f"task {task.id!r}: its own solution does not pass its check")
        return calls, len(seen)


def program_in(response: str, entry_point: str) -> str | None:
    """The program in a response: its last block that defines the function, else its last block;
    without any block, the response if it defines the function."""
    name = f"def {entry_point}("
    blocks = [
        code for tag, code in fenced_blocks(response) if tag in ("python", "py", "", "python3")
    ]
    defining = [code for code in blocks if name in code]
    if defining:
        return defining[-1]
    return find_code(response) or (response if name in response else None)


class _Counted(ast.NodeTransformer):
    """Each assertion becomes a note of whether it holds; one that is constant is left out."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        if isinstance(node.test, ast.Constant):
            return ast.Pass()
        noted = ast.parse(
            "try:\n    _seen.append(bool(0))\nexcept Exception:\n    _seen.append(False)"
        )
        [attempt] = noted.body
        assert isinstance(attempt, ast.Try)
        call = attempt.body[0].value.args[0]  # type: ignore[attr-defined]
        call.args = [node.test]
        return attempt


def _are_answers(result: Result, count: int) -> bool:
    """Whether what a program gave back has the form of its answers."""
    return (
        result.ok
        and isinstance(result.value, list)
        and len(result.value) == count
        and all(isinstance(one, list) and len(one) == 2 for one in result.value)
    )


def _why(result: Result) -> str:
    said = ": ".join(filter(None, [result.status.value, result.exception, result.note]))
    return said[:160]
