"""One pool for all tests of what programs give; those of its own life make their own."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from guerdon.sandbox import Limits, Result, Sandbox

if not shutil.which("bwrap"):
    pytest.exit("the tests of the sandbox need bubblewrap: apt-get install bubblewrap", 1)

LIMITS = Limits(wall_s=2.0, memory_mb=256, output_kb=64, folder_mb=4)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    pool = Sandbox(limits=LIMITS)
    yield pool
    pool.close()


@pytest.fixture
def run(sandbox: Sandbox) -> Callable[..., Result]:
    def run_now(program: str, stdin: str = "", **more: Any) -> Result:
        return asyncio.run(sandbox.run(program, stdin, **more))

    return run_now


@pytest.fixture
def call(sandbox: Sandbox) -> Callable[..., Result]:
    def call_now(code: str, *args: Any, **more: Any) -> Result:
        return asyncio.run(sandbox.call(code, "f", args, **more))

    return call_now
