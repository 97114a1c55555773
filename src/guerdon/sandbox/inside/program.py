"""The process of one program: gives up every right, runs what a model wrote, claims what came out.

All it says is a claim about its own output. It knows no secret and no expected answer; verdicts
are reached outside.
"""

import ast
import builtins
import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import sys
import tempfile
import types
from collections.abc import Collection, Mapping
from typing import Any

import values

CLAIM_FD, CONFINED_FD = 3, 4
_MEMORY = b'["memory"]'  # made beforehand: afterwards there may be no memory to make it in
_TOO_LARGE = b'["too_large"]'


def confine(settings: Mapping[str, Any]) -> None:
    """Give up, for ever: resource limits, an end with the parent's, the system call filter.

    Raises:
        OSError: the kernel refused one of them; the program must not run.
    """
    megabyte = 1 << 20
    for which, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, settings["max_files"]),
        (resource.RLIMIT_NPROC, 1),
        (resource.RLIMIT_FSIZE, settings["folder_mb"] * megabyte),
        (resource.RLIMIT_CPU, settings["cpu_s"]),
    ):
        _limit(which, value)
    if sys.platform != "darwin":  # which refuses it
        _limit(resource.RLIMIT_AS, settings["memory_mb"] * megabyte)
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if settings["seccomp"]:
        _filter_calls(bytes.fromhex(settings["seccomp"]))


def _limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _filter_calls(instructions: bytes) -> None:
    """Load a BPF program over system calls; there is no way back."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    pr_set_no_new_privs, pr_set_seccomp, mode_filter = 38, 22, 2
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(instructions) // 8, instructions)
    if libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0) or libc.prctl(
        pr_set_seccomp, mode_filter, ctypes.byref(program)
    ):
        raise OSError(ctypes.get_errno(), "the kernel does not take the system call filter")


def play(job: Mapping[str, Any], allowed: Collection[str] | None) -> bytes:
    """Run one job and claim its outcome, as JSON text.

    ``["ok", value]``, ``["exception", class, message]``, ``["refused", why]``, ``["memory"]`` or
    ``["too_large"]``.
    """
    function = job["function"]
    try:
        why = None if allowed is None else _forbidden(job["code"], allowed)
        if why:
            return _claim("refused", why)
        _open_input(job["stdin"])
        module = _module("__main__" if function is None else "program")
        exec(compile(job["code"], "program.py", "exec", dont_inherit=True), module.__dict__)
        if function is None:
            return _claim("ok", None)
        act = _find(module.__dict__, function)
        if act is None:
            return _claim("refused", f"the program has no {function}")
        args, kwargs = values.decode(job["args"]), values.decode(job["kwargs"])
        return _claim("ok", values.encode(act(*args, **kwargs)))
    except MemoryError:
        return _MEMORY
    except values.TooLarge:
        return _TOO_LARGE
    except values.NotPlain as error:
        return _claim("refused", str(error))
    except SystemExit as stop:
        if function is None and (stop.code is None or stop.code == 0):
            return _claim("ok", None)
        return _claim("exception", "SystemExit", str(stop.code)[:500])
    except BaseException as error:
        return _exception(error)


def _find(names: Mapping[str, Any], function: str) -> Any:
    """A function of the program, or of its class Solution, as some problem sets have it."""
    if function in names:
        return names[function]
    if isinstance(names.get("Solution"), type) and hasattr(names["Solution"], function):
        return getattr(names["Solution"](), function)
    return None


def _exception(error: BaseException) -> bytes:
    try:
        return _claim("exception", type(error).__name__[:100], str(error)[:500])
    except BaseException:  # its own __str__ fails
        return _claim("exception", type(error).__name__[:100], "")


def _claim(*parts: Any) -> bytes:
    return str(values.dumps(parts)).encode()


def _forbidden(code: str, allowed: Collection[str]) -> str | None:
    """What the program imports and may not; None if nothing."""
    for node in ast.walk(ast.parse(code)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." if node.level else node.module or "."]
        elif isinstance(node, ast.Name) and node.id in ("__import__", "__builtins__"):
            return f"{node.id} is not allowed"
        for name in names:
            if name.split(".")[0] not in allowed:
                return f"import of {name!s:.100} is not allowed"
    return None


def _module(name: str) -> types.ModuleType:
    """An empty module that classes of the program can find themselves in."""
    module = types.ModuleType(name)
    for ours in ("values", "program"):
        sys.modules.pop(ours, None)
    sys.modules[name] = module
    sys.argv = ["program.py"]
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    return module


def _open_input(text: str) -> None:
    """Make ``text`` what is read from descriptor 0 and from sys.stdin."""
    with tempfile.TemporaryFile(dir=".") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
        file.seek(0)
        os.dup2(file.fileno(), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115


def main(settings: Mapping[str, Any]) -> None:
    """Become the program. Descriptors 0 to 4: the job, stdout, stderr, the claim, and where to say
    that all rights are given up."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    try:
        confine(settings)
    except (OSError, ValueError) as error:
        os.write(CONFINED_FD, str(error).encode())
        return
    os.write(CONFINED_FD, b"+")
    os.close(CONFINED_FD)
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    job = json.loads(_read_exactly(*struct.unpack(">I", _read_exactly(4))))
    claim = play(job, settings["imports"] if settings["only_imports"] else None)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    while claim:
        claim = claim[os.write(CLAIM_FD, claim) :]


def _read_exactly(size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = os.read(0, size - len(data))
        if not chunk:
            os._exit(0)  # the sandbox has ended
        data += chunk
    return bytes(data)
