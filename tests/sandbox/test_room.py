"""The life of a sandbox: how it ends, and what is left."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from guerdon.errors import SandboxError
from guerdon.sandbox import Limits, Sandbox, Status
from guerdon.sandbox.check import _descendants
from guerdon.sandbox.launch import Plan, launch

ADD = "def f(x): return x + 1"
PLAN = Plan(level="bubblewrap", limits=Limits(), imports=(), only_imports=False)


def add(sandbox: Sandbox, x: int) -> object:
    return asyncio.run(sandbox.call(ADD, "f", [x])).value


def descriptors() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


def all_end(pids: set[str]) -> bool:
    """Whether processes are gone within five seconds; who reaps them is another's child."""
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("guerdon-sandbox-*"))


@pytest.mark.parametrize("level", ["bubblewrap", "subprocess"])
def test_closing_leaves_no_process_no_descriptor_and_no_folder(level: str) -> None:
    before = _descendants(), descriptors(), folders()
    sandbox = Sandbox(level=level, allow_weak=True)  # type: ignore[arg-type]
    assert [add(sandbox, n) for n in range(3)] == [1, 2, 3]
    assert len(_descendants() - before[0]) >= 3
    sandbox.close()
    assert (_descendants(), descriptors(), folders()) == before


def test_a_pool_can_be_used_again_after_it_was_closed() -> None:
    sandbox = Sandbox(num_workers=1)
    assert add(sandbox, 1) == 2
    sandbox.close()
    assert add(sandbox, 2) == 3
    sandbox.close()


def test_closing_while_programs_run_ends_them_with_an_error() -> None:
    before = _descendants()
    sandbox = Sandbox(num_workers=1, limits=Limits(wall_s=20.0))

    async def ask() -> None:
        waiting = [
            asyncio.create_task(sandbox.run(f"import time\ntime.sleep(15)\n{n}")) for n in range(3)
        ]
        while not _descendants() - before:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(sandbox.close)
        for task in waiting:
            with pytest.raises(SandboxError):
                await task

    asyncio.run(ask())
    assert _descendants() == before


def test_a_pool_that_is_dropped_ends_its_processes() -> None:
    before = _descendants()
    sandbox = Sandbox(num_workers=1)
    add(sandbox, 1)
    del sandbox
    for _ in range(100):  # the thread that ran the program may be the last to know the pool
        gc.collect()
        if _descendants() == before:
            break
        time.sleep(0.05)
    assert _descendants() == before


def test_a_sandbox_that_was_killed_is_replaced() -> None:
    before = _descendants()
    sandbox = Sandbox(num_workers=1)
    assert add(sandbox, 1) == 2
    for pid in _descendants() - before:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert add(sandbox, 2) == 3
    sandbox.close()


@pytest.mark.parametrize("level", ["bubblewrap", "subprocess"])
def test_a_sandbox_that_was_stopped_is_given_up(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guerdon.sandbox.room.GRACE_S", 0.2)
    monkeypatch.setattr("guerdon.sandbox.room.END_S", 0.2)
    before = _descendants()
    sandbox = Sandbox(level=level, allow_weak=True, num_workers=1, limits=Limits(wall_s=0.3))  # type: ignore[arg-type]
    assert add(sandbox, 1) == 2
    time.sleep(0.3)  # the next program's process is being made
    started = _descendants() - before
    for pid in started:
        os.kill(int(pid), signal.SIGSTOP)
    assert asyncio.run(sandbox.call(ADD, "f", [2])).status is Status.timeout
    assert add(sandbox, 3) == 4
    sandbox.close()
    assert _descendants() == before
    assert all_end(started)


def test_the_death_of_the_host_ends_everything(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys\n"
        "from guerdon.sandbox import Sandbox\n"
        "pool = Sandbox(level=sys.argv[1], allow_weak=True, num_workers=1)\n"
        "asyncio.run(pool.run('print(1)'))\n"
        "print('ready', flush=True)\n"
        "asyncio.run(pool.run('while True: pass'))\n"
    )
    for level in ("bubblewrap", "subprocess"):
        before = _descendants()
        host = subprocess.Popen(
            [sys.executable, "-c", script, level],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
        )
        assert host.stdout and host.stdout.readline() == b"ready\n"
        children = _descendants() - before - {str(host.pid)}
        assert len(children) >= 2
        host.kill()
        host.wait()
        host.stdout.close()
        assert all_end(children) and not list(tmp_path.iterdir())


def test_a_sandbox_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SandboxError, match="does not start: bwrap: No permissions"):
        asyncio.run(Sandbox().run("print(1)"))


def test_programs_see_the_interpreter_and_nothing_else() -> None:
    command = launch(PLAN, 0).command
    mounts = {command[i + 2]: command[i + 1] for i, word in enumerate(command) if "-bind" in word}
    assert {word for word in command if "-bind" in word} == {"--ro-bind"}
    assert all(target.startswith(("/python/", "/lib", "/inside")) for target in mounts)
    assert not {"/usr", "/etc", "/lib", "/home", "/"} & set(mounts.values())


def test_the_level_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    sandbox = Sandbox(num_workers=1)
    with caplog.at_level("INFO", logger="guerdon"):
        add(sandbox, 1)
    sandbox.close()
    assert "level bubblewrap" in caplog.text
