import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guerdon.errors import ConfigError, RewardError, SandboxError
from guerdon.rewards.code_cases import read_cases, same_text, same_value
from guerdon.rewards.code_tests import CodeTests, find_code
from guerdon.sandbox import Limits, Sandbox
from guerdon.types import Reward, Task

MBPP = Path(__file__).parents[3] / "shared/data/mbpp/mbpp.jsonl"
DOUBLE = "Think.\n```python\ndef f(x):\n    return 2 * x\n```\n"
CALLS = [{"function": "f", "args": [x], "expected": 2 * x} for x in (1, 2, 5)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    pool = Sandbox(limits=Limits(wall_s=2.0))
    yield pool
    pool.close()


def score(sandbox: Sandbox, tests: Any, response: str, **fields: Any) -> Reward:
    task = Task("t", (), info={"tests": tests})
    return asyncio.run(CodeTests(sandbox=sandbox, **fields)(task, response, {}))


def test_a_program_that_passes_every_test_earns_one(sandbox: Sandbox) -> None:
    assert score(sandbox, CALLS, DOUBLE) == Reward(1.0, {"passed": 1.0}, "3 tests passed")


def test_the_tasks_own_program_is_how_a_right_answer_is_written(sandbox: Sandbox) -> None:
    reward = CodeTests(sandbox=sandbox)
    gold = reward.gold_response(Task("t", (), info={"code": "def f(x):\n    return 2 * x"}))
    assert gold and score(sandbox, CALLS, gold).value == 1
    assert reward.gold_response(Task("t", (), answer="[]")) is None


def test_a_program_that_fails_one_earns_nothing_or_its_share(sandbox: Sandbox) -> None:
    almost = DOUBLE.replace("2 * x", "2 * x if x < 5 else 0")
    assert score(sandbox, CALLS, almost).value == 0
    partial = score(sandbox, CALLS, almost, partial=True)
    assert partial.value == pytest.approx(2 / 3) and partial.note == "test 3: gave 0"


def test_input_and_output_are_compared_line_by_line(sandbox: Sandbox) -> None:
    tests = [{"input": "2 3\n", "output": "5\n\n"}]
    response = "```py\nprint(sum(map(int, input().split())), ' ')\n```"
    assert score(sandbox, tests, response).value == 1
    assert score(sandbox, [{"input": "2 3", "output": "6"}], response).value == 0


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("return 1 / 0", "exception: ZeroDivisionError"),
        ("while True: pass", "timeout"),
        ("import os; os._exit(0)", "killed"),
        ("return lambda: x", "refused"),
    ],
)
def test_a_program_that_fails_is_wrong_and_the_note_says_how(
    sandbox: Sandbox, body: str, note: str
) -> None:
    reward = score(sandbox, CALLS, f"```python\ndef f(x):\n    {body}\n```")
    assert reward.value == 0 and reward.note.startswith(f"test 1: {note}")


@pytest.mark.parametrize(
    "code",
    [
        "class Yes(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\n"
        "def f(x): return Yes(0)",
        "def f(x): return '0) or True or (0'",
        "def f(x):\n    print('OK passed'); return True",
        "import os\ndef f(x):\n    os.write(3, b'[\"ok\",true]'); os._exit(0)",
        "import sys\ndef f(x): sys.exit(0)",
        "import gc\ndef f(x):\n    return [v for o in gc.get_objects() if type(o) is dict"
        " for k, v in list(o.items()) if k == 'expected'] or 0",
        "import builtins\nbuiltins.isinstance = lambda *a: True\ndef f(x): return 0",
    ],
)
def test_an_exploit_earns_nothing(sandbox: Sandbox, code: str) -> None:
    assert score(sandbox, CALLS, f"```python\n{code}\n```", partial=True).value == 0


def test_the_last_closed_block_of_python_is_the_program() -> None:
    text = "```python\na\n```\ntext\n```\nb\n```\n```json\nc\n```\n```python\nunclosed"
    assert find_code(text) == "b\n"
    assert find_code("no code") is None
    assert find_code("```python\nprint('```')\n```") == "print('```')\n"


def test_a_response_without_code_earns_nothing(sandbox: Sandbox) -> None:
    assert score(sandbox, CALLS, "2 * x").note == "no block of code"


def test_a_prelude_comes_first(sandbox: Sandbox) -> None:
    response = "```python\nclass Solution:\n    def f(self, x: List) -> int: return 2 * x\n```"
    assert score(sandbox, CALLS, response, prelude="from typing import *").value == 1


def test_all_documented_forms_of_tests_are_read() -> None:
    def cases(tests: Any, answer: str | None = None) -> list[Any]:
        info = {} if tests is None else {"tests": tests}
        return [
            (case.stdin, case.function, case.args, case.expected)
            for case in read_cases(Task("t", (), answer, info=info))
        ]

    assert cases({"inputs": ["1\n2"], "outputs": ["3"]}) == [("1\n2", None, (), "3")]
    assert cases({"inputs": [[1, [2]]], "outputs": [3], "fn_name": "f"}) == [("", "f", (1, [2]), 3)]
    assert cases({"inputs": ["1\n[2]"], "outputs": ["3"], "fn_name": "f"}) == [
        ("", "f", (1, [2]), 3)
    ]
    assert cases(None, json.dumps(CALLS))[0] == ("", "f", (1,), 2)
    assert cases(["assert f((1,), 'a') == {2: 3}"]) == [("", "f", ((1,), "a"), {2: 3})]
    assert cases(["assert not f(1)", "assert f(2)"]) == [
        ("", "f", (1,), False),
        ("", "f", (2,), True),
    ]


def test_what_an_assertion_does_to_the_value_is_done_outside(sandbox: Sandbox) -> None:
    tests = ["assert set(f([3, 1, 3])) == set([1, 3])", "assert sorted(f([2, 1])) == [1, 2]"]
    assert score(sandbox, tests, "```python\ndef f(x): return tuple(x)\n```").value == 1
    assert score(sandbox, tests, "```python\ndef f(x): return 5\n```").value == 0
    assert score(sandbox, tests, "```python\ndef f(x): return [[]]\n```").value == 0


@pytest.mark.parametrize(
    "tests",
    [None, [], "not json", ["assert f(x) == 1"], ["import os"], [{"args": [1]}], {"inputs": [1]}, 5,
     {"inputs": ["1"], "outputs": []}],
)  # fmt: skip
def test_tests_that_cannot_be_read_are_an_error_not_a_zero(sandbox: Sandbox, tests: Any) -> None:
    with pytest.raises(RewardError, match="'t'"):
        score(sandbox, tests, DOUBLE)


def test_a_sandbox_that_fails_is_an_error_not_a_zero() -> None:
    away = Sandbox(level="http", url="http://127.0.0.1:9")
    with pytest.raises(SandboxError):
        score(away, CALLS, DOUBLE)


def test_values_are_equal_as_in_python_but_for_rounding() -> None:
    assert same_value([1, (2.0000001, "a")], [1, (2.0, "a")], 1e-6)
    assert not same_value([1, 2], (1, 2), 1e-6) and same_value([1, 2], (1, 2), 1e-6, tuples=False)
    assert same_value({"a": [math.nan]}, {"a": [math.nan]}, 0.0)
    assert same_value({1, 2}, {2, 1}, 0.0) and not same_value("1", 1.0, 0.5)
    assert not same_value(10**400, 1.0, 1e-6)
    assert not same_value(2.1, 2, 1e-6) and same_value(True, 1, 0.0)


def test_texts_are_equal_but_for_space_at_ends_and_rounding() -> None:
    assert same_text("a b \nc\n\n", "a b\nc", 0.0) and not same_text("ab", "a b", 0.0)
    assert same_text("x 0.3333333", "x 0.33333333333", 1e-6)
    assert not same_text("1000001", "1000000", 1e-3)
    assert not same_text("a\nb", "a b", 0.0)


def test_a_tolerance_is_a_share() -> None:
    with pytest.raises(ConfigError, match="tolerance is 2"):
        CodeTests(sandbox=Sandbox(), tolerance=2.0)


@pytest.mark.skipif(not MBPP.exists(), reason="shared/data/mbpp is not beside this checkout")
def test_reference_solutions_of_mbpp_pass_their_own_tests(sandbox: Sandbox) -> None:
    rows = [json.loads(line) for line in MBPP.read_text().splitlines()][::20]
    reward = CodeTests(sandbox=sandbox)

    async def grade() -> list[Reward | BaseException]:
        jobs = [
            reward(
                Task(str(row["task_id"]), (), info={"tests": row["test_list"]}),
                f"```python\n{row['code']}\n```",
                {},
            )
            for row in rows
        ]
        return await asyncio.gather(*jobs, return_exceptions=True)

    graded = dict(zip([row["task_id"] for row in rows], asyncio.run(grade()), strict=True))
    failed = {number: got for number, got in graded.items() if not isinstance(got, Reward)}
    # 912 asks for a value that is computed; only literals are compared, so it has no reward
    assert set(failed) == {912} and isinstance(failed[912], RewardError)
    assert {got.value for got in graded.values() if isinstance(got, Reward)} == {1.0}
