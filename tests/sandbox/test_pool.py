"""What running programs gives."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from guerdon.errors import ConfigError
from guerdon.sandbox import Limits, Result, Sandbox, Status, values

Runs = Callable[..., Result]


def test_a_program_reads_its_input_and_prints(run: Runs) -> None:
    result = run(
        "import sys\nprint(input())\nprint(len(sys.stdin.read()), file=sys.stderr)", "a\nbc"
    )
    assert (result.status, result.output, result.errors) == (Status.ok, "a\n", "2\n")
    assert result.usage.cpu_s > 0 and result.usage.memory_mb > 1


def test_a_function_gets_plain_values_and_gives_one(call: Runs) -> None:
    result = call("def f(x, y): return {'x': x, 'y': (y, type(x).__name__)}", {1, 2}, b"z")
    assert result.value == {"x": {1, 2}, "y": (b"z", "set")}


def test_a_method_of_solution_is_a_function_too(call: Runs) -> None:
    assert call("class Solution:\n    def f(self, x): return -x", 3).value == -3


def test_large_input_and_output_within_the_limit_pass(run: Runs, call: Runs) -> None:
    assert run("import sys\nprint(len(sys.stdin.read()))", "x" * 2_000_000).output == "2000000\n"
    assert len(call("def f(n): return 'y' * n", 60_000).value) == 60_000


@pytest.mark.parametrize(
    ("program", "status", "exception"),
    [
        ("raise KeyError('error')", Status.exception, "KeyError"),
        ("class Fine(BaseException): pass\nraise Fine", Status.exception, "Fine"),
        ("def", Status.exception, "SyntaxError"),
        ("import sys\nsys.exit('error')", Status.exception, "SystemExit"),
        ("import sys\nsys.exit(0)", Status.ok, ""),
        ("exit()", Status.ok, ""),
        ("print('error: Timeout Error')", Status.ok, ""),
        ("import os\nos._exit(0)", Status.killed, ""),
        ("import os\nos._exit(70)", Status.killed, ""),
        ("x = []\nwhile True: x.append('x' * 10**6)", Status.out_of_memory, ""),
        ("print('x' * 70_000)", Status.too_large, ""),
        ("while True: pass", Status.timeout, ""),
    ],
)
def test_the_status_is_what_happened_not_what_was_said(
    run: Runs, program: str, status: Status, exception: str
) -> None:
    result = run(program)
    assert (result.status, result.exception) == (status, exception)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def g(): return 1", Status.refused),
        ("def f(): return object()", Status.refused),
        ("def f(): return 'x' * 70_000", Status.too_large),
        ("def f(): return 10**5000", Status.too_large),
        ("def f(x): return x", Status.exception),
    ],
)
def test_a_value_that_cannot_be_had_is_a_status(call: Runs, code: str, status: Status) -> None:
    assert call(code).status is status


def test_code_that_depends_on_hashes_is_nondeterministic_when_run_twice(
    call: Runs, run: Runs
) -> None:
    unstable = "def f(): return list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'})"
    assert call(unstable).status is Status.ok
    assert call(unstable, twice=True).status is Status.nondeterministic
    assert call("def f(): return {'a', 'b', 'c', 'd', 'e'}", twice=True).status is Status.ok
    assert (
        run("import random\nprint(random.random())", twice=True).status is Status.nondeterministic
    )
    assert run("1/0", twice=True).status is Status.exception


def test_equal_work_is_done_once(sandbox: Sandbox) -> None:
    program = "import time\nprint(time.perf_counter_ns())"

    async def ask() -> list[Result]:
        return list(await asyncio.gather(*(sandbox.run(program) for _ in range(5))))

    outputs = {result.output for result in asyncio.run(ask()) + asyncio.run(ask())}
    assert len(outputs) == 1


def test_whoever_stops_waiting_does_not_stop_the_others(sandbox: Sandbox) -> None:
    async def ask() -> Result:
        program = "import time\ntime.sleep(0.3)\nprint('done')"
        impatient = asyncio.create_task(sandbox.run(program))
        patient = asyncio.create_task(sandbox.run(program))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asyncio.run(ask()).output == "done\n"


def test_programs_run_at_the_same_time_and_answers_are_not_mixed_up(sandbox: Sandbox) -> None:
    async def ask() -> list[Any]:
        code = "def f(x): return x * x"
        jobs = (sandbox.call(code, "f", [n]) for n in range(60))
        return [result.value for result in await asyncio.gather(*jobs)]

    assert asyncio.run(ask()) == [n * n for n in range(60)]


def test_arguments_must_be_plain(sandbox: Sandbox) -> None:
    with pytest.raises(values.NotPlain):
        asyncio.run(sandbox.call("def f(x): return x", "f", [object()]))


def test_imports_can_be_limited() -> None:
    strict = Sandbox(imports=("math",), only_imports=True, num_workers=1)

    def status(code: str) -> Status:
        return asyncio.run(strict.run(code)).status

    try:
        assert status("import math\nfrom math import pi") is Status.ok
        for code in ("import os", "from os import path", "import math, sys", "from . import x",
                     "__import__('os')"):  # fmt: skip
            assert status(code) is Status.refused
        assert status("import") is Status.exception
    finally:
        strict.close()


def test_a_package_is_visible_only_when_it_is_named() -> None:
    with_numpy = Sandbox(imports=("numpy",), num_workers=1)
    try:
        got = asyncio.run(
            with_numpy.call("import numpy\ndef f(x): return numpy.sum(x).item()", "f", [[1, 2]])
        )
        assert got.value == 3
        missing = asyncio.run(with_numpy.run("import yaml"))
        assert missing.exception == "ModuleNotFoundError"
    finally:
        with_numpy.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"level": "subprocess"}, "allow_weak: true"),
        ({"imports": ("no_such_package",)}, "no_such_package"),
        ({"level": "container"}, "image"),
        ({"level": "http", "url": "localhost"}, "SandboxFusion"),
        ({"num_workers": 0}, "num_workers is 0"),
    ],
)
def test_a_level_that_cannot_be_had_is_a_config_error(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Sandbox(**fields)


def test_without_bubblewrap_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="install the package bubblewrap"):
        Sandbox()


def test_limits_must_be_above_zero() -> None:
    with pytest.raises(ConfigError, match=r"limits.wall_s is 0"):
        Limits(wall_s=0.0)
