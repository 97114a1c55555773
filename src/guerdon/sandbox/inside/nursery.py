"""The trusted process that programs are forked from. No job ever passes through it.

A program's process has a copy of its parent's memory, so that parent must never have seen a job, an
output or a nonce: it knows only how to start the next process, and to end it and all it left.
"""

import contextlib
import fcntl
import os
import resource
import select
import signal
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

Settings = Mapping[str, Any]
FORK, KILL = b"f", b"k"
_ENDED = struct.Struct(">iddq")


@dataclass(frozen=True)
class Ended:
    """How a program's process ended, as the kernel tells its parent."""

    status: int
    cpu_s: float
    memory_kb: int


class Nursery:
    """The nursery as the warden sees it: pipes to whatever program is running, and orders."""

    def __init__(self, settings: Settings, wardens: tuple[int, ...]) -> None:
        self.left_job, self.job = os.pipe()
        self.out, out = os.pipe()
        self.err, err = os.pipe()
        self.claim, claim = os.pipe()
        orders, self._orders = os.pipe()
        self.ended, ended = os.pipe()
        is_alone = os.getpid() == 1
        self.pid = os.fork()
        if self.pid == 0:
            pipes = (self.job, self.out, self.err, self.claim, self._orders, self.ended)
            for fd in (*pipes, *wardens):
                os.close(fd)
            _nurse((self.left_job, out, err, claim), orders, ended, is_alone, settings)
        for fd in (out, err, claim, orders, ended):
            os.close(fd)
        for fd in (self.job, self.out, self.err, self.claim):
            os.set_blocking(fd, False)

    def order(self, what: bytes) -> None:
        """FORK the next process, or KILL the one there is."""
        os.write(self._orders, what)

    def close(self) -> None:
        """End it and its program."""
        os.close(self._orders)
        with contextlib.suppress(ChildProcessError):  # it has no status to give
            os.waitpid(self.pid, 0)

    def read_end(self) -> Ended:
        """How the process ended; waits for it."""
        data = os.read(self.ended, _ENDED.size)
        if len(data) != _ENDED.size:
            sys.exit(1)  # the nursery has said why on stderr
        status, user_s, system_s, memory_kb = _ENDED.unpack(data)
        return Ended(status, user_s + system_s, memory_kb)


def _nurse(
    fds: tuple[int, ...], orders: int, ended: int, is_alone: bool, settings: Settings
) -> NoReturn:
    """Fork and end processes as ordered, until the orders end."""
    wake, alarm = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(alarm, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    while order := os.read(orders, 1):
        if order == KILL:  # of one that has been ended
            continue
        pid = _fork(fds, settings)
        poll = select.poll()
        for fd in (orders, wake):
            poll.register(fd, select.POLLIN)
        poll.poll()  # it has ended, or is to be ended, or the warden is gone
        _end(pid, is_alone)  # before it is waited for: until then its number is its own
        _, status, usage = os.wait4(pid, 0)
        with contextlib.suppress(ChildProcessError):
            while is_alone:
                os.waitpid(-1, 0)
        with contextlib.suppress(BlockingIOError):
            while os.read(wake, 64):
                pass
        figures = usage.ru_utime, usage.ru_stime, usage.ru_maxrss
        os.write(ended, _ENDED.pack(status, *figures))
    os._exit(0)


def _end(pid: int, is_alone: bool) -> None:
    """Kill a program's process and whatever it left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if is_alone:
            os.kill(-1, signal.SIGKILL)  # all of this sandbox but process 1 and this one
        else:
            os.kill(pid, signal.SIGKILL)
            os.killpg(pid, signal.SIGKILL)


def _fork(fds: tuple[int, ...], settings: Settings) -> int:
    """A process that has given up its rights and waits for a job."""
    confined, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_program((*fds, say), settings)
    os.close(say)
    said = os.read(confined, 1000)
    os.close(confined)
    if said != b"+":
        sys.stderr.write(f"a program's process cannot be confined: {said.decode()}\n")
        sys.stderr.flush()
        os._exit(1)
    return pid


def _become_program(fds: tuple[int, ...], settings: Settings) -> NoReturn:
    """In the new process: keep its own descriptors and nothing else."""
    try:
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in fds]
        for fd, source in enumerate(high):
            os.dup2(source, fd)
        os.closerange(len(fds), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        import program

        program.main(settings)
        os._exit(0)
    finally:
        os._exit(70)
