"""A program that ends when whoever started it does."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guerdon.engines.child import Child

SRC = Path(__file__).parents[2] / "src"
FAMILY = "sleep 600 & echo $! $$; wait"
"""A shell that has a child of its own and says who they are."""
STUBBORN = f"trap '' TERM; {FAMILY}; wait"


def sh(script, tmp_path, **options):
    return Child(["sh", "-c", script], env=dict(os.environ), log=tmp_path / "log", **options)


def until(condition, seconds=20.0):
    """Whether it holds before the time is up."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def family(log):
    """The processes it named."""
    assert until(lambda: len(log.read_text().split()) == 2)
    return [int(word) for word in log.read_text().split()]


def are_gone(pids):
    return not any(map(runs, pids))


def runs(pid):
    """Whether it does; a zombie nobody waits for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("script", [FAMILY, STUBBORN])
def test_when_stopped_it_and_its_children_are_gone(tmp_path, script):
    child = sh(script, tmp_path, grace_s=0.2)
    pids = family(child.log)
    assert child.exit_code is None
    child.stop()
    assert until(lambda: are_gone(pids)) and child.exit_code >= 128
    child.stop()


def test_when_nobody_has_it_any_more_it_is_gone(tmp_path):
    child = sh(FAMILY, tmp_path)
    pids = family(child.log)
    del child
    gc.collect()
    assert until(lambda: are_gone(pids))


def test_when_it_ends_its_children_end(tmp_path):
    child = sh("sleep 600 & echo $! $$; echo at last; exit 7", tmp_path)
    assert until(lambda: child.exit_code == 7)
    pids = [int(word) for word in child.log.read_text().split()[:2]]
    assert until(lambda: are_gone(pids))
    assert child.last_line() == "at last"
    assert child.last_words().splitlines()[-1] == "at last" and str(child.log) in child.last_words()


@pytest.mark.parametrize("end", ["raise SystemExit(1)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_when_its_parent_ends_it_is_gone(tmp_path, end):
    code = (
        "import os, pathlib, signal, sys, time\n"
        "from guerdon.engines.child import Child\n"
        f"log = pathlib.Path({str(tmp_path / 'log')!r})\n"
        f"child = Child(['sh', '-c', {FAMILY!r}], env=dict(os.environ), log=log)\n"
        "while len(log.read_text().split()) < 2:\n    time.sleep(0.01)\n"
        f"{end}\n"
    )
    parent = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": SRC})
    assert parent.returncode in (1, -signal.SIGKILL)
    pids = family(tmp_path / "log")
    assert until(lambda: are_gone(pids))
