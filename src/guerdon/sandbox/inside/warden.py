"""The trusted process of a sandbox: starts a process for each program, watches it, and ends it.

It runs as a script, as process 1 where the sandbox has its own process numbers. Its input is a
frame for each job (16 bytes of nonce, length, JSON); its output, a frame saying that it is ready,
then one for each job (nonce, length, JSON header, then the bytes of the program's claim, stdout and
stderr, whose sizes the header has). A program's process is started before its job is known and so
before its nonce is, with no descriptor but its own pipes.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import struct
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

Settings = Mapping[str, Any]
NONCE_BYTES = 16


class Child:
    """A program's process, waiting for its job."""

    def __init__(self, settings: Settings) -> None:
        job, self.job = os.pipe()
        self.out, out = os.pipe()
        self.err, err = os.pipe()
        self.claim, claim = os.pipe()
        theirs = (job, out, err, claim)
        self.pid = os.fork()
        if self.pid == 0:
            _become_program(theirs, settings)
        for fd in theirs:
            os.close(fd)

    def give(self, job: bytes) -> None:
        """Hand over the job; the program starts. Ends this process if that one is not confined."""
        said = os.read(self.claim, 1000)
        if said != b"+":
            sys.exit(f"a program's process cannot be confined: {said.decode(errors='replace')}")
        left = memoryview(job)
        with contextlib.suppress(BrokenPipeError):  # it ended; the watch will see how
            while left:
                left = left[os.write(self.job, left) :]
        os.close(self.job)

    def end(self) -> None:
        """Kill it and whatever it left, and wait for all of them."""
        if os.getpid() == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # all of this sandbox: the host is out of sight
        else:
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        for fd in (self.out, self.err, self.claim):
            os.close(fd)


def _become_program(fds: tuple[int, int, int, int], settings: Settings) -> NoReturn:
    """In the new process: keep four descriptors and nothing else."""
    try:
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in fds]
        for fd, source in enumerate(high):
            os.dup2(source, fd)
        os.closerange(len(fds), 4096)
        import program

        program.main(settings)
        os._exit(0)
    finally:
        os._exit(70)


class Watch:
    """What a program does between its job and its end."""

    def __init__(self, child: Child, settings: Settings, control: int, wake: int) -> None:
        self.child, self.control, self.wake = child, control, wake
        self.deadline = time.monotonic() + settings["wall_s"]
        self.max_bytes = settings["output_kb"] << 10
        self.data = {child.claim: bytearray(), child.out: bytearray(), child.err: bytearray()}
        self.reason: str | None = None
        self.status, self.usage = 0, resource.struct_rusage((0.0,) * 16)
        self._poll = select.poll()
        for fd in (*self.data, wake):
            self._poll.register(fd, select.POLLIN)
        self._poll.register(control, 0)  # reports only that the host is gone

    def run(self) -> None:
        """Until the program ends, has said too much, or its time is over; then nothing of it is
        left."""
        has_ended = False
        while not has_ended and self.reason is None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                self.reason = "timeout"
                break
            for fd, _ in self._poll.poll(left * 1000):
                if fd == self.control:
                    self.child.end()
                    sys.exit()
                elif fd == self.wake:
                    has_ended = True
                else:
                    self._read(fd)
        self.child.end()  # before it is waited for: until then its number is its own
        _, self.status, self.usage = os.wait4(self.child.pid, 0)
        with contextlib.suppress(BlockingIOError):  # its end is not the next one's
            while os.read(self.wake, 64):
                pass
        self._drain()
        with contextlib.suppress(ChildProcessError):
            while os.getpid() == 1:
                os.waitpid(-1, 0)

    def _read(self, fd: int) -> bool:
        data = self.data[fd]
        chunk = os.read(fd, 1 << 16)
        data += chunk
        if not chunk:
            self._poll.unregister(fd)
        if len(data) > self.max_bytes:
            self.reason = self.reason or "too_large"
        return bool(chunk)

    def _drain(self) -> None:
        """What is still in the pipes; a program that kept writing is not waited for."""
        for fd, data in self.data.items():
            os.set_blocking(fd, False)
            with contextlib.suppress(BlockingIOError, KeyError):
                while len(data) <= self.max_bytes and self._read(fd):
                    pass

    def report(self) -> bytes:
        """Header and bodies of the reply."""
        status, usage = self.status, self.usage
        bodies = [bytes(data[: self.max_bytes]) for data in self.data.values()]
        header = {
            "reason": self.reason,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "memory_kb": usage.ru_maxrss,
            "sizes": [len(body) for body in bodies],
        }
        text = json.dumps(header).encode()
        return struct.pack(">I", len(text)) + text + b"".join(bodies)


def serve(settings: Settings, control: int, output: int, wake: int) -> None:
    """A process for each program, until the host closes the input or the folder stays dirty."""
    while True:
        child = Child(settings)
        head = _read_exactly(control, NONCE_BYTES + 4)
        if head is None:
            child.end()
            return
        nonce, (size,) = head[:NONCE_BYTES], struct.unpack(">I", head[NONCE_BYTES:])
        job = _read_exactly(control, size)
        if job is None:
            child.end()
            return
        started = time.monotonic()
        child.give(job)
        watch = Watch(child, settings, control, wake)
        watch.run()
        child.close()
        wall = struct.pack(">d", time.monotonic() - started)
        _write(output, nonce + wall + watch.report())
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
                os.unlink(entry.path)
        return os.stat(folder).st_mode & 0o777 == 0o700
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


def _wake_on_children() -> int:
    """A descriptor that can be read whenever a child ends."""
    wake, alarm = os.pipe()
    for fd in (wake, alarm):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    return wake


def main() -> None:
    """Serve. The argument is the settings, as JSON."""
    settings = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control, output = _take_control()
    if settings["mount"]:
        _own_folder(settings)
    os.chdir(settings["folder"])
    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
    importlib.import_module("program")
    sys.path[:1] = settings["packages"]
    for name in settings["imports"]:
        importlib.import_module(name)
    os.environ.clear()
    os.environ.update(HOME=settings["folder"], LANG="C.UTF-8", TZ="UTC")
    wake = _wake_on_children()
    gc.collect()
    gc.freeze()
    _write(output, b"ready")
    try:
        serve(settings, control, output, wake)
    finally:
        if settings["remove"]:
            shutil.rmtree(settings["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()
