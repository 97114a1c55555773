"""Run the command line as a user does, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"


def environment():
    """One thread (tiny models gain nothing from two), no network, this checkout's sources."""
    return {
        **os.environ,
        "PYTHONPATH": str(SRC),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def start(*arguments, cwd):
    """Start ``guerdon ARGUMENTS`` and return the process."""
    return subprocess.Popen(
        [sys.executable, "-m", "guerdon", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(*arguments, cwd, code=0):
    """Run ``guerdon ARGUMENTS`` to its end, expect an exit code, and return what it printed."""
    process = start(*arguments, cwd=cwd)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == code, output
    return output


SMALL = (
    "--config-name",
    "quickstart",
    "trainer.steps=6",
    "trainer.tasks_per_step=4",
    "trainer.group_size=4",
    "trainer.eval_every=3",
    "trainer.save_every=2",
    "eval.num_tasks=8",
    "warmup.steps=3",
)
"""The quickstart, cut to seconds."""
