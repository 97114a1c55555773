"""Operators' code in the real sandbox."""

import asyncio
import json
from dataclasses import asdict

import pytest

from guerdon.sandbox import Limits, Sandbox
from guerdon.workflow.code import SandboxedCode
from guerdon.workflow.operators import CodeRunner


@pytest.fixture(scope="module")
def runner():
    sandbox = Sandbox(limits=Limits(wall_s=4.0), num_workers=1)
    yield SandboxedCode(sandbox)
    sandbox.close()


def run(runner, program, function=None, timeout_s=15.0):
    return asyncio.run(runner.run_code(program, function=function, timeout_s=timeout_s))


def test_a_function_gives_its_value_as_json_has_it(runner):
    assert isinstance(runner, CodeRunner)
    found = run(runner, "def solve():\n    return (1, {2: 'a'}, {3}, None)", "solve")
    assert (found.status, found.value, found.error) == ("ok", [1, {"2": "a"}, "{3}", None], "")
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_a_program_gives_its_output(runner):
    found = run(runner, "print('hello')")
    assert (found.status, found.output) == ("ok", "hello\n")


def test_what_went_wrong_is_the_status(runner):
    found = run(runner, "assert 1 == 2, 'they differ'")
    assert found.status == "AssertionError" and "they differ" in found.error
    assert run(runner, "x = 1", "solve").status == "refused"
    assert run(runner, "def solve(:").status == "SyntaxError"


def test_the_shorter_limit_ends_a_program(runner):
    program = "def solve():\n    while True:\n        pass"
    assert run(runner, program, "solve", timeout_s=0.3).status == "timeout"
    assert list(runner._shorter) == [0.3]
    runner._shorter[0.3].close()
