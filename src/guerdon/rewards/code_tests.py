"""CodeTests: does the program in a response pass the task's tests?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.errors import ConfigError
from guerdon.rewards.code_cases import Case, read_cases
from guerdon.sandbox import Result, Sandbox, Status
from guerdon.types import Models, Reward, Task

_PYTHON = ("python", "python3", "py", "")
"""What stands behind the fence of a block of Python."""
_SHOWN = 80


@dataclass(frozen=True, kw_only=True)
class CodeTests:
    """1 if the program passes every test of the task, else 0; or the share that it passes.

    The program is the response's last closed block of Python between fences. Each test runs in a
    process of its own in the sandbox, which is told the input only: what comes back is compared
    here. For the forms of tests see ``code_cases.read_cases``.

    | Case | Outcome |
    |---|---|
    | no code, it fails, is too slow, prints too much, is refused, gives another value | 0 |
    | no tests, tests of another form | ``RewardError`` |
    | the sandbox fails | ``SandboxError`` |

    Args:
        sandbox: where programs run.
        partial: the value is the share of tests passed; otherwise 0 as soon as one is not.
        tolerance: how far apart floats may be, relative or absolute.
        prelude: code put before every program, such as ``from typing import *``.
    """

    sandbox: Sandbox
    partial: bool = False
    tolerance: float = 1e-6
    prelude: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise ConfigError(f"CodeTests: tolerance is {self.tolerance}; it must be in [0, 1)")

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Test one response; ``models`` is not used."""
        cases = read_cases(task)
        code = find_code(response)
        if code is None:
            return Reward(0.0, {"passed": 0.0}, note="no block of code")
        code = f"{self.prelude}\n{code}" if self.prelude else code
        outcomes = await self._test(code, cases[:1])
        if self.partial or all(passed for passed, _ in outcomes):  # most wrong programs fail here
            outcomes += await self._test(code, cases[1:])
        num_passed = sum(passed for passed, _ in outcomes)
        share = num_passed / len(cases)
        value = share if self.partial else float(num_passed == len(cases))
        return Reward(value, {"passed": share}, note=_note(outcomes))

    def gold_response(self, task: Task) -> str | None:
        """The task's own program (``info.code``), where it has one: its answer is its tests."""
        code = task.info.get("code")
        return f"```python\n{code}\n```" if isinstance(code, str) else None

    async def _test(self, code: str, cases: Sequence[Case]) -> list[tuple[bool, str]]:
        """Whether each test is passed, and what was seen where not."""
        results = await asyncio.gather(*(self._run(code, case) for case in cases))
        return [self._verdict(case, got) for case, got in zip(cases, results, strict=True)]

    async def _run(self, code: str, case: Case) -> Result:
        if case.function is None:
            return await self.sandbox.run(code, case.stdin)
        return await self.sandbox.call(code, case.function, case.args, case.kwargs)

    def _verdict(self, case: Case, result: Result) -> tuple[bool, str]:
        if not result.ok:
            why = [result.exception, result.note] if result.status is Status.exception else []
            return False, ": ".join([result.status.value, *filter(None, why)])[: 2 * _SHOWN]
        got: Any = result.output if case.function is None else result.value
        return case.is_met(got, self.tolerance), f"gave {got!r:.{_SHOWN}}"


def find_code(response: str) -> str | None:
    """The last closed block of Python in a response; None if there is none."""
    found: str | None = None
    block: list[str] | None = None
    label = ""
    for line in response.splitlines(keepends=True):
        if not line.startswith("```"):
            if block is not None:
                block.append(line)
        elif block is None:
            block, label = [], line.strip("` \r\n").casefold()
        else:
            found = "".join(block) if label in _PYTHON else found
            block = None
    return found


def _note(outcomes: Sequence[tuple[bool, str]]) -> str:
    """What the first test that is not passed saw."""
    for number, (passed, seen) in enumerate(outcomes, 1):
        if not passed:
            return f"test {number}: {seen}"
    return f"{len(outcomes)} tests passed"
