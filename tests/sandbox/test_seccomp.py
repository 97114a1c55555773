"""The filter, run by a small interpreter of BPF."""

import errno
import struct

import pytest

from guerdon.sandbox.seccomp import filter_calls
from guerdon.sandbox.syscalls import ARCHITECTURES, allowed, special

ALLOW, KILL = 0x7FFF0000, 0x80000000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def decide(code: bytes, number: int, audit: int, first: int = 0, second: int = 0) -> int:
    """What a filter returns for a call: struct seccomp_data, little endian."""
    data = struct.pack("<IIQQQ", number, audit, 0, first, second) + bytes(32)
    program = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    at, register = 0, 0
    while True:
        operation, if_true, if_false, constant = program[at]
        at += 1
        if operation == 0x20:
            [register] = struct.unpack_from("<I", data, constant)
        elif operation == 0x06:
            return constant
        else:
            is_true = {0x15: register == constant, 0x35: register >= constant}[operation]
            at += if_true if is_true else if_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_exactly_the_listed_calls_are_allowed(machine: str) -> None:
    code = filter_calls(machine)
    assert code
    known = set(allowed(machine).values())
    found = {number for number in range(600) if decide(code, number, AUDIT[machine]) == ALLOW}
    numbers = special(machine)
    assert found == known | {numbers["prlimit64"], numbers["fcntl"]}  # with arguments of zero


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_are_refused_by_their_arguments(machine: str) -> None:
    code, numbers = filter_calls(machine), special(machine)
    assert code
    refuse = 0x00050000
    audit = AUDIT[machine]
    assert decide(code, numbers["ioctl"], audit) == refuse | errno.ENOTTY
    assert decide(code, numbers["clone3"], audit) == refuse | errno.ENOSYS
    assert decide(code, numbers["prlimit64"], audit, first=1) == refuse | errno.EPERM
    commands = {n for n in range(2000) if decide(code, numbers["fcntl"], audit, 0, n) == ALLOW}
    assert commands == {*range(8), 1030}


def test_a_call_of_another_architecture_kills() -> None:
    code = filter_calls("x86_64")
    assert code
    assert decide(code, 0, 0x40000003) == KILL
    assert decide(code, 0x40000000, AUDIT["x86_64"]) == 0x00050000 | errno.EPERM  # x32


def test_no_dangerous_call_is_listed() -> None:
    dangerous = {
        "socket", "connect", "clone", "fork", "vfork", "execve", "ptrace", "kill", "tkill",
        "tgkill", "mount", "unshare", "setns", "bpf", "process_vm_readv", "mknod", "mknodat",
        "memfd_create", "shmget", "keyctl", "io_uring_setup", "prctl", "setuid", "chroot",
        "personality",
    }  # fmt: skip
    assert not dangerous & set(allowed("x86_64"))


def test_an_unknown_machine_has_no_filter() -> None:
    assert filter_calls("riscv64") is None
