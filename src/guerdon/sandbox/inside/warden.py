"""The trusted process of a sandbox: takes jobs, watches programs, keeps the time, reports.

It runs as a script, as process 1 where the sandbox has its own process numbers. Its input is a
frame for each job (16 bytes of nonce, length, JSON); its output, a frame saying that it is ready,
then one for each job (nonce, length, JSON header, then the bytes of the program's claim, stdout and
stderr, whose sizes the header has). Programs are not forked from it but from the `nursery`, so they
hold neither its memory nor its descriptors.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import select
import shutil
import signal
import struct
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nursery import FORK, KILL, Ended, Nursery

Settings = Mapping[str, Any]
NONCE_BYTES = 16


class Watch:
    """One program, from its job to its end."""

    def __init__(self, nursery: Nursery, settings: Settings, control: int, job: bytes) -> None:
        self.nursery, self.control = nursery, control
        self.started = time.monotonic()
        self.deadline = self.started + settings["wall_s"]
        self.max_bytes = settings["output_kb"] << 10
        self.data = {fd: bytearray() for fd in (nursery.claim, nursery.out, nursery.err)}
        self.reason: str | None = None
        self._job = memoryview(job)
        self._poll = select.poll()
        for fd in (*self.data, nursery.ended):
            self._poll.register(fd, select.POLLIN)
        self._poll.register(nursery.job, select.POLLOUT)
        self._poll.register(control, 0)  # reports only that the host is gone

    def run(self) -> Ended:
        """Until the program ends, has said too much, or its time is over; then nothing of it is
        left and the next process is being made."""
        has_ended = False
        while not has_ended and self.reason is None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                self.reason = "timeout"
                break
            for fd, _ in self._poll.poll(left * 1000):
                if fd == self.control:
                    sys.exit()
                elif fd == self.nursery.ended:
                    has_ended = True
                elif fd == self.nursery.job:
                    self._give()
                else:
                    self._read(fd)
        if not has_ended:
            self.nursery.order(KILL)
        ended = self.nursery.read_end()
        self.wall_s = time.monotonic() - self.started
        _drain(self.nursery.left_job)  # the next program must not read what this one did not
        for fd in self.data:
            self._drain(fd)
        self.nursery.order(FORK)
        return ended

    def _give(self) -> None:
        self._job = self._job[os.write(self.nursery.job, self._job) :]
        if not self._job:
            self._poll.unregister(self.nursery.job)

    def _read(self, fd: int) -> bool:
        data = self.data[fd]
        chunk = os.read(fd, 1 << 16)
        data += chunk
        if len(data) > self.max_bytes:
            self.reason = self.reason or "too_large"
        return bool(chunk)

    def _drain(self, fd: int) -> None:
        """What is left in a pipe that nobody writes to any more."""
        with contextlib.suppress(BlockingIOError):
            while self._read(fd):
                pass

    def report(self, ended: Ended) -> bytes:
        """Time, header and bodies of the reply."""
        status = ended.status
        bodies = [bytes(data[: self.max_bytes]) for data in self.data.values()]
        header = {
            "reason": self.reason,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "wall_s": self.wall_s,
            "cpu_s": ended.cpu_s,
            "memory_kb": ended.memory_kb,
            "sizes": [len(body) for body in bodies],
        }
        text = json.dumps(header).encode()
        return struct.pack(">I", len(text)) + text + b"".join(bodies)


def serve(settings: Settings, nursery: Nursery, control: int, output: int) -> None:
    """Answer jobs until the host closes the input or the folder stays dirty."""
    nursery.order(FORK)
    while True:
        head = _read_exactly(control, NONCE_BYTES + 4)
        size = struct.unpack(">I", head[NONCE_BYTES:])[0] if head else 0
        job = _read_exactly(control, size)
        if head is None or job is None:
            return
        watch = Watch(nursery, settings, control, head[NONCE_BYTES:] + job)
        ended = watch.run()
        _write(output, head[:NONCE_BYTES] + watch.report(ended))
        if not _clean(settings["folder"]):
            return


def _read_exactly(fd: int, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _write(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _clean(folder: str) -> bool:
    """Empty the working folder. False: something stays; the host starts another sandbox then."""
    try:
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                Path(entry.path).unlink()
        return Path(folder).stat().st_mode & 0o777 == 0o700
    except (OSError, RecursionError):
        return False


def _own_folder(settings: Settings) -> None:
    """Mount the working folder with limits on its size and its number of files (bwrap sets only the
    first), then give up the one right that took."""
    libc = ctypes.CDLL(None, use_errno=True)
    nosuid, nodev = 2, 4
    options = f"size={settings['folder_mb']}m,nr_inodes={settings['folder_files']},mode=700"
    folder = settings["folder"].encode()
    if libc.mount(b"tmpfs", folder, b"tmpfs", nosuid | nodev, options.encode()):
        raise OSError(ctypes.get_errno(), "the working folder cannot be mounted")
    version_3 = 0x20080522
    header, none = (ctypes.c_uint32 * 2)(version_3, 0), (ctypes.c_uint32 * 6)()
    pr_cap_ambient, clear_all = 47, 4
    if libc.capset(header, none) or libc.prctl(pr_cap_ambient, clear_all, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "capabilities cannot be given up")


def _take_control() -> tuple[int, int]:
    """The host's two pipes under other numbers; 0 is empty and 1 is stderr from here on."""
    control, output = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (0, 1))
    empty, writer = os.pipe()
    os.close(writer)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    return control, output


def _drain(fd: int) -> None:
    """Empty a pipe whose reading end must stay blocking, because programs share it."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while poll.poll(0):
        os.read(fd, 1 << 16)


def main() -> None:
    """Serve. The argument is the settings, as JSON."""
    settings = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control, output = _take_control()
    if settings["mount"]:
        _own_folder(settings)
    os.chdir(settings["folder"])
    importlib.import_module("program")  # now, from beside this file; programs find nothing there
    sys.path[:1] = settings["packages"]
    for name in settings["imports"]:
        importlib.import_module(name)
    os.environ.clear()
    os.environ.update(HOME=settings["folder"], LANG="C.UTF-8", TZ="UTC")
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    nursery = Nursery(settings, (control, output))
    _write(output, b"ready")
    try:
        serve(settings, nursery, control, output)
    finally:
        nursery.close()
        if settings["remove"]:
            shutil.rmtree(settings["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()
