"""Attacks that use up time, memory, space or attention."""

from guerdon.sandbox.attacks.attack import STOPPED, Attack
from guerdon.sandbox.results import Status

_TIMEOUT = frozenset({Status.timeout})
_TOO_LARGE = frozenset({Status.too_large})

ATTACKS = (
    Attack(
        "memory_bomb",
        "memory is limited",
        """
        parts = []
        while True:
            parts.append(bytearray(1 << 20))
            if len(parts) > MEMORY_MB:
                print("BREACH")
                break
        """,
        ends=frozenset({Status.out_of_memory, Status.killed}),
    ),
    Attack(
        "memory_by_mmap",
        "memory is limited outside of Python, too",
        """
        import mmap
        try:
            area = mmap.mmap(-1, (MEMORY_MB + 1) << 20)
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "memory_by_shared_object",
        "memory cannot be taken that outlives the process",
        """
        import ctypes, os
        libc = ctypes.CDLL(None)
        if libc.shmget(1234, 1 << 20, 0o1600) >= 0 or libc.memfd_create(b"x", 0) >= 0:
            print("BREACH")
        """,
    ),
    Attack(
        "output_flood",
        "output is limited, and nothing is cut silently",
        "while True: print('x' * 100_000)",
        ends=_TOO_LARGE,
    ),
    Attack(
        "error_flood",
        "error output is limited",
        "import os\nwhile True: os.write(2, b'x' * 100_000)",
        ends=_TOO_LARGE,
    ),
    Attack(
        "value_flood",
        "a value is limited",
        "def f(): return 'x' * 50_000_000",
        function="f",
        ends=_TOO_LARGE,
    ),
    Attack(
        "report_flood",
        "the channel of the value is limited",
        "import os\ndef f():\n    while True: os.write(3, b'x' * 100_000)",
        function="f",
        ends=_TOO_LARGE,
    ),
    Attack(
        "disk_flood",
        "space in the working folder is limited",
        """
        import os
        total = 0
        for number in range(64):
            try:
                with open(f"file{number}", "wb", buffering=0) as file:
                    for _ in range(FOLDER_MB):
                        total += file.write(bytes(1 << 20))
            except OSError:
                pass
            if total > 2 * FOLDER_MB << 20:
                print("BREACH")
                break
        """,
    ),
    Attack(
        "file_flood",
        "the number of files is limited",
        """
        import os
        try:
            for number in range(FOLDER_FILES + 10):
                os.mkdir(f"folder{number}")
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "descriptor_flood",
        "open files are limited",
        """
        import os
        try:
            for _ in range(MAX_FILES + 10):
                os.dup(1)
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack("endless_loop", "time is limited", "while True: pass", ends=_TIMEOUT),
    Attack("sleep", "time that is slept counts", "import time\ntime.sleep(10**6)", ends=_TIMEOUT),
    Attack(
        "unkillable",
        "a program cannot refuse to end",
        """
        import signal
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, lambda *_: None)
        while True:
            try:
                while True: pass
            except BaseException:
                pass
        """,
        ends=_TIMEOUT,
    ),
    Attack(
        "endless_loop_in_c",
        "time in a C function is limited",
        "import itertools\nsum(itertools.repeat(1))",
        ends=_TIMEOUT,
    ),
    Attack(
        "catastrophic_regex",
        "time in a regular expression is limited",
        "import re\nre.fullmatch('(a+)+b', 'a' * 64)",
        ends=_TIMEOUT,
    ),
    Attack(
        "huge_power",
        "time in arithmetic is limited",
        "x = 7 ** (7 ** 11)",
        ends=STOPPED,
    ),
    Attack(
        "huge_integer_to_text",
        "integers too long to write are an outcome, not a stall",
        "def f(): return 10 ** 5000",
        function="f",
        ends=frozenset({Status.too_large, Status.exception}),
    ),
    Attack(
        "unlimited_integer_to_text",
        "also where Python's own guard is switched off",
        """
        import sys
        sys.set_int_max_str_digits(0)
        def f(): return len(str(3 ** 10_000_000))
        """,
        function="f",
        ends=_TIMEOUT,
    ),
    Attack(
        "deep_recursion",
        "recursion without end is an outcome",
        """
        import sys
        sys.setrecursionlimit(10**9)
        class Deep:
            def __getattr__(self, name): return getattr(self, name + "x")
            def __repr__(self): return repr(self)
        repr(Deep())
        """,
        ends=STOPPED,
    ),
    Attack(
        "endless_value",
        "a value without end is an outcome",
        "import itertools\ndef f(): return itertools.count()",
        function="f",
        ends=frozenset({Status.refused}),
    ),
    Attack(
        "value_in_itself",
        "so is a value that holds itself",
        "def f():\n    x = []\n    x.append(x)\n    return x",
        function="f",
        ends=_TOO_LARGE,
    ),
    Attack(
        "doubling_value",
        "so is a small value that is large when written",
        "def f():\n    x = []\n    for _ in range(60): x = [x, x]\n    return x",
        function="f",
        ends=_TOO_LARGE,
    ),
    Attack(
        "colliding_keys",
        "keys chosen to collide do not slow the trainer",
        "import json, os\n"
        "def f():\n"
        "    keys = [[i * (2**61 - 1), 0] for i in range(1, 25_000)]\n"
        "    os.write(3, json.dumps(['ok', {'dict': keys}]).encode())\n"
        "    os._exit(0)",
        function="f",
        ends=_TOO_LARGE,
    ),
)
