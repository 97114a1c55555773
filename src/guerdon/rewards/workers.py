"""Child processes that answer one line with lines, and are killed when they are slow.

For code that may never return and cannot be interrupted in our own process. It knows nothing of
what the lines mean.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

START_S = 120.0
"""How long a worker may take to say that it is ready."""


class WorkerFailed(Exception):
    """A worker could not be started; says what it printed."""


class Workers:
    """A pool of processes running ``script``, each started when first needed.

    A script is started with three arguments (our process id, ``limit_s``, ``memory_mb``), writes
    the line ``ready``, then answers each line of JSON with a fixed number of lines. Each worker has
    a thread that waits for it, so any number of event loops may share a pool.
    """

    def __init__(self, script: Path, *, num_workers: int, limit_s: float, memory_mb: int) -> None:
        self._script, self._limit_s, self._memory_mb = script, limit_s, memory_mb
        self._local = threading.local()
        self._live: set[_Worker] = set()
        self._threads = ThreadPoolExecutor(num_workers, thread_name_prefix=script.stem)
        self._end = weakref.finalize(self, _close, self._threads, self._live)

    def submit(self, request: Any, *, num_lines: int) -> Future[list[str]]:
        """Ask for ``num_lines`` lines. Fewer: the worker took longer than ``limit_s`` over the next
        one, or ended; it is replaced.

        The future raises ``WorkerFailed`` if no worker starts.
        """
        return self._threads.submit(self._ask, json.dumps(request), num_lines)

    def close(self) -> None:
        """End every worker now. A pool that is dropped, or left at exit, closes itself."""
        self._end()

    def _ask(self, request: str, num_lines: int) -> list[str]:
        lines = self._try(request, num_lines)
        if lines is None:
            lines = self._try(request, num_lines)
        return lines or []

    def _try(self, request: str, num_lines: int) -> list[str] | None:
        """The lines a worker wrote; None: it had ended before this request, perhaps."""
        worker: _Worker = getattr(self._local, "worker", None) or self._start()
        lines: list[str] = []
        try:
            worker.write(request)
            for _ in range(num_lines):
                lines.append(worker.read_line(self._limit_s))
        except _Lost as lost:
            self._drop(worker)
            return None if lost.ended and not lines else lines
        return lines

    def _start(self) -> _Worker:
        worker = _Worker([str(self._script), str(os.getpid()), str(self._limit_s),
                          str(self._memory_mb)])  # fmt: skip
        self._live.add(worker)
        self._local.worker = worker
        try:
            worker.read_line(START_S)
        except _Lost as error:
            said = worker.last_words()
            self._drop(worker)
            raise WorkerFailed(f"{self._script.name} did not start: {said or error}") from error
        return worker

    def _drop(self, worker: _Worker) -> None:
        worker.kill()
        self._live.discard(worker)
        self._local.worker = None


class _Lost(Exception):
    """The worker ended, or ran out of time."""

    def __init__(self, ended: bool, limit_s: float = 0.0) -> None:
        self.ended = ended
        super().__init__("it ended" if ended else f"no answer in {limit_s:g} s")


class _Worker:
    """One process and its two pipes."""

    def __init__(self, arguments: list[str]) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (an unread pipe would fill up)
        self._process = subprocess.Popen(
            [sys.executable, "-P", *arguments],  # -P: the script's folder must not shadow modules
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
        )
        assert self._process.stdin and self._process.stdout
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._stdout, select.POLLIN)
        self._buffer = b""

    def write(self, line: str) -> None:
        data = memoryview(line.encode() + b"\n")
        try:
            while data:
                data = data[self._stdin.write(data) :]
        except BrokenPipeError as error:
            raise _Lost(ended=True) from error

    def read_line(self, limit_s: float) -> str:
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                raise _Lost(ended=False, limit_s=limit_s)
            chunk = os.read(self._stdout.fileno(), 4096)
            if not chunk:
                raise _Lost(ended=True)
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._stdin, self._stdout, self._stderr):
            stream.close()


def _close(threads: ThreadPoolExecutor, live: set[_Worker]) -> None:
    threads.shutdown(wait=False, cancel_futures=True)
    for worker in list(live):
        worker.kill()
    live.clear()
