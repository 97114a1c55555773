"""One running sandbox: its process, its two pipes, and the clock."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import struct
import subprocess
import tempfile
import time
from typing import Any

from guerdon.errors import SandboxError
from guerdon.sandbox.launch import Plan, launch
from guerdon.sandbox.results import Report

NONCE_BYTES = 16
START_S = 120.0
"""How long a sandbox may take to be ready."""
GRACE_S = 10.0
"""How much longer than its program's limit a warden may take to say so."""

END_S = 5.0
"""How long it may take to end by itself before it is killed."""


class Lost(Exception):
    """A sandbox ended before it answered."""


class Overdue(Exception):
    """A sandbox did not answer in time."""


class Room:
    """A sandbox that runs one program at a time, each in a process of its own.

    Raises:
        SandboxError: it does not start; says what it printed.
    """

    def __init__(self, plan: Plan, hash_seed: int) -> None:
        self._wait_s = plan.limits.wall_s + GRACE_S
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (an unread pipe would fill up)
        self._launch = launch(plan, hash_seed)
        try:
            self._process = subprocess.Popen(
                self._launch.command,
                env=self._launch.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the trainer, which saves first
            )
        except OSError as error:
            self._stderr.close()
            raise SandboxError(f"{self._launch.command[0]} cannot be run: {error}") from error
        assert self._process.stdin and self._process.stdout
        self._stdin, self._stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)
        self._await_ready(plan.level)

    def ask(self, job: bytes) -> Report:
        """Run one job.

        Raises:
            Lost: the sandbox is gone.
            Overdue: it did not answer; close it.
        """
        deadline = time.monotonic() + self._wait_s
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._write(nonce + struct.pack(">I", len(job)) + job, deadline)
        if self._read(NONCE_BYTES, deadline) != nonce:
            raise Lost("its answer is not to this question")
        [size] = struct.unpack(">I", self._read(4, deadline))
        header: dict[str, Any] = json.loads(self._read(size, deadline))
        claim, out, err = (self._read(size, deadline) for size in header["sizes"])
        return Report(header, claim, out, err)

    def close(self) -> None:
        """End everything in it, and remove what it wrote."""
        streams = (self._process.stdin, self._process.stdout, self._stderr)
        if self._process.stdin:
            self._process.stdin.close()  # a warden whose input ends has everything killed
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in streams:
            if stream:
                stream.close()
        if folder := self._launch.folder:  # a program may have taken the right to it away
            for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
                subprocess.run([*command, "--", str(folder)], stderr=subprocess.DEVNULL)

    def _await_ready(self, level: str) -> None:
        try:
            ready = self._read(5, time.monotonic() + START_S)
        except (Lost, Overdue) as error:
            said = self._last_words()
            self.close()
            raise SandboxError(f"the {level} sandbox does not start: {said or error}") from error
        assert ready == b"ready", ready

    def _write(self, data: bytes, deadline: float) -> None:
        left = memoryview(data)
        try:
            while left:
                self._wait(self._stdin, select.POLLOUT, deadline)
                with contextlib.suppress(BlockingIOError):
                    left = left[os.write(self._stdin, left) :]
        except BrokenPipeError as error:
            raise Lost("it has ended") from error

    def _read(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait(self._stdout, select.POLLIN, deadline)
            chunk = os.read(self._stdout, size - len(data))
            if not chunk:
                raise Lost(self._last_words() or "it has ended")
            data += chunk
        return bytes(data)

    def _wait(self, fd: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(fd, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise Overdue("no answer in time")

    def _last_words(self) -> str:
        """The last line it wrote to stderr."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else ""
