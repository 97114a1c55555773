"""The filter over system calls, as the BPF program that the kernel takes.

The program reads one call's number and arguments (``struct seccomp_data``) and returns what is to
happen. Written out here so that nothing has to be compiled.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator

from guerdon.sandbox.syscalls import ARCHITECTURES, allowed, special

Instruction = tuple[int, int, int, int]
"""(operation, jump if true, jump if false, constant)"""

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
"""Offsets of the call's number, the architecture, and the low halves of two arguments."""

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_F_DUPFD_CLOEXEC = 1030
_FIRST_F_SETOWN = 8
"""`fcntl` commands from here on send signals to other processes, seal files, resize pipes."""


def filter_calls(architecture: str | None = None) -> bytes | None:
    """A filter that allows the calls of `syscalls` and refuses all others with EPERM.

    A call made for another architecture kills the process. None: there is no filter for this
    machine (or for ``architecture``).
    """
    architecture = architecture or (platform.machine() if platform.system() == "Linux" else "")
    if architecture not in ARCHITECTURES:
        return None
    return b"".join(struct.pack("=HBBI", *one) for one in _instructions(architecture))


def _instructions(architecture: str) -> Iterator[Instruction]:
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield _JUMP_IF_EQUAL, 1, 0, _AUDIT[architecture]
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    for number in allowed(architecture).values():
        yield _JUMP_IF_EQUAL, 0, 1, number
        yield _RETURN, 0, 0, _ALLOW
    numbers = special(architecture)
    yield from _when(numbers["ioctl"], [(_RETURN, 0, 0, _REFUSE | errno.ENOTTY)])
    yield from _when(numbers["clone3"], [(_RETURN, 0, 0, _REFUSE | errno.ENOSYS)])
    yield from _when(numbers["prlimit64"], _only_of_itself())
    yield from _when(numbers["fcntl"], _without_signals())
    yield _RETURN, 0, 0, _REFUSE | errno.EPERM


def _when(number: int, body: list[Instruction]) -> Iterator[Instruction]:
    """Run ``body``, which returns, for one call."""
    yield _JUMP_IF_EQUAL, 0, len(body), number
    yield from body


def _only_of_itself() -> list[Instruction]:
    """`prlimit64` of process 0, which is the caller."""
    return [
        (_LOAD, 0, 0, _FIRST),
        (_JUMP_IF_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
    ]


def _without_signals() -> list[Instruction]:
    """`fcntl` for duplicates, flags and locks."""
    return [
        (_LOAD, 0, 0, _SECOND),
        (_JUMP_IF_EQUAL, 1, 0, _F_DUPFD_CLOEXEC),
        (_JUMP_IF_AT_LEAST, 1, 0, _FIRST_F_SETOWN),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
    ]
