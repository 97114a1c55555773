"""A process that serves an environment, started by the one that plays in it."""

from __future__ import annotations

import atexit
import re
import subprocess
import sys
import threading
from typing import ClassVar

from guerdon.errors import EnvError

START_S = 120.0
"""For the process to say where it serves; imports can be slow."""


class ServerProcess:
    """`guerdon env serve NAME` in a child process, one for each name; ends with this process.

    Raises:
        EnvError: it ended, or did not say where it serves in time.
    """

    _running: ClassVar[dict[str, ServerProcess]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-m", "guerdon", "env", "serve", name, "--port", "0"]
        self._process = subprocess.Popen(
            [*command, "--until-parent-ends"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.url = self._wait(name)
        atexit.register(self.stop)

    @classmethod
    def shared(cls, name: str) -> ServerProcess:
        """The process that serves ``name``, started if none is running."""
        with cls._lock:
            found = cls._running.get(name)
            if found is None or found._process.poll() is not None:
                found = cls._running[name] = cls(name)
            return found

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _wait(self, name: str) -> str:
        """Read lines until one names the address."""
        assert self._process.stdout is not None
        late = threading.Timer(START_S, self._process.kill)
        late.start()
        said: list[str] = []
        try:
            for line in self._process.stdout:
                said.append(line.strip())
                if found := re.search(r"at (http://\S+)", line):
                    return found.group(1).rstrip(";")
        finally:
            late.cancel()
        self._process.wait()
        last = said[-1] if said else "it said nothing"
        raise EnvError(f"guerdon env serve {name} did not start: {last}")
