"""Child: a program that ends when this process does, whatever ends it.

Between the two stands a keeper: this file run as a script, in a session of its own. It holds the
other end of a pipe; when that closes, because we said so or because we are gone, even by SIGKILL,
it ends the program, and with it every process of the program's group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path


class Child:
    """A running program.

    Args:
        command: the program and its arguments.
        env: its whole environment.
        log: the file that gets what it writes.
        grace_s: from SIGTERM, at the end, to SIGKILL.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], log: Path, grace_s: float = 20.0
    ) -> None:
        self.log = log
        with log.open("wb") as out:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", __file__, f"{grace_s:g}", *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,  # Ctrl-C is for the trainer, which saves first
            )
        self.stop = weakref.finalize(self, _release, self._keeper)
        """End it and wait until it is gone; so do the end of this process and of this object."""

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 and more: killed by a signal."""
        return self._keeper.poll()

    def last_words(self) -> str:
        """The end of what it wrote, and where that is."""
        return "\n".join([f"the last lines of {self.log}:", *self._lines()[-8:]])

    def last_line(self) -> str:
        """Of what it wrote; empty if it wrote nothing."""
        return (self._lines() or [""])[-1]

    def _lines(self) -> list[str]:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()]


def _release(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdin is not None
    keeper.stdin.close()
    keeper.wait()


def _keep(grace_s: float, command: Sequence[str]) -> int:
    """Run the command until it ends or nobody holds our standard input; its exit code."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def end() -> None:
        sys.stdin.buffer.read()
        program.terminate()
        time.sleep(grace_s)
        program.kill()

    threading.Thread(target=end, daemon=True).start()
    code = program.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)  # its workers, which may hold a GPU's memory
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(_keep(float(sys.argv[1]), sys.argv[2:]))
