"""Reference solutions of HumanEval, MBPP and MBPP+ pass their own tests in the sandbox, and changed
ones fail. Every fifth row; GUERDON_ALL_ROWS=1 takes all."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from guerdon.data.readers import read_file
from guerdon.data.records import to_task
from guerdon.data.sets.all_sets import SETS
from guerdon.data.sets.checks import overlap
from guerdon.data.sets.record import Record
from guerdon.errors import RewardError
from guerdon.rewards.code_check import CodeCheck
from guerdon.sandbox import Limits, Sandbox
from guerdon.types import Reward

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")

FILES = {
    "humaneval/HumanEval.jsonl.gz": 115,
    "aflow_humaneval/humaneval_test.jsonl": 89,
    "aflow_humaneval/humaneval_validate.jsonl": 26,
    "mbpp/mbpp.jsonl": 682,
    "mbppplus/MbppPlus.jsonl": 76,
    "aflow_mbpp/mbpp_test.jsonl": 234,
    "aflow_mbpp/mbpp_validate.jsonl": 69,
}
UNREADABLE = {"mbpp/mbpp.jsonl": [367, 601, 927]}
"""Tests that make objects of a class of the reference solution."""
NO_REWARD = {"aflow_mbpp/mbpp_test.jsonl": {"mbpp/630"}}
"""The reference calls itself with too few arguments."""
EVERY = 1 if os.environ.get("GUERDON_ALL_ROWS") else 5

CHANGED = """
def _changed(value):
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float, complex)):
        return 2 * value + 1
    if isinstance(value, (list, tuple, str, bytes)):
        return value + type(value)(b"x" if isinstance(value, bytes) else "x")
    if isinstance(value, (dict, set)):
        return [value]
    return not value

_original = NAME
def NAME(*args, **kwargs):
    return _changed(_original(*args, **kwargs))
"""


@pytest.fixture(scope="module")
def check() -> Iterator[CodeCheck]:
    sandbox = Sandbox(num_workers=2, limits=Limits(wall_s=10.0))
    yield CodeCheck(sandbox=sandbox, check_key="check")
    sandbox.close()


def records(file: str) -> list[Record]:
    name = "humaneval" if "humaneval" in file.lower() else "mbpp"
    found, refused = [], []
    for row in read_file(DATA / file).rows:
        try:
            found += SETS[name].read(row.values, "all")
        except ValueError:
            refused.append(row.values["task_id"])
    assert refused == UNREADABLE.get(file, [])
    assert len(found) + len(refused) == FILES[file]
    return found


def graded(check: CodeCheck, rows: list[Record], suffix: str = "") -> dict[str, float | None]:
    async def grade(record: Record) -> float | None:
        program = record.reference_answer + suffix.replace("NAME", record.entry_point)
        try:
            reward: Reward = await check(to_task(record), f"```python\n{program}\n```", {})
        except RewardError:
            return None
        return reward.value

    async def all_of_them() -> list[float | None]:
        return await asyncio.gather(*map(grade, rows))

    return dict(zip([record.id for record in rows], asyncio.run(all_of_them()), strict=True))


@pytest.mark.parametrize("file", FILES)
def test_reference_solutions_pass_and_changed_ones_fail(check: CodeCheck, file: str) -> None:
    picked = records(file)[::EVERY]
    named = NO_REWARD.get(file, set()) & {record.id for record in picked}
    right, wrong = graded(check, picked), graded(check, picked, CHANGED)
    assert {name for name, value in right.items() if value is None} == named
    assert {name for name, value in right.items() if value == 0} == set()
    assert {name for name, value in wrong.items() if value == 1} == set()


def test_humaneval_has_public_tests_where_an_example_is_not_in_its_check() -> None:
    rows = records("humaneval/HumanEval.jsonl.gz")
    assert sum(bool(record.public_tests) for record in rows) >= 40
    assert all(not overlap(record.hidden_test, record.public_tests) for record in rows)


def test_public_tests_are_right(check: CodeCheck) -> None:
    rows = records("humaneval/HumanEval.jsonl.gz") + records("mbpp/mbpp.jsonl")[::EVERY]
    wrong = []

    async def run(record: Record, test: str) -> None:
        code = f"{record.reference_answer}\n\ncandidate = {record.entry_point}\n{test}\n"
        result = await check.sandbox.run(code)
        if not result.ok:
            wrong.append((record.id, test, result.note))

    async def all_of_them() -> None:
        await asyncio.gather(*(run(r, test) for r in rows for test in r.public_tests))

    asyncio.run(all_of_them())
    assert wrong == []
