"""Attacks on the verdict: every one tries to be called correct without the answer.

The answer is a random number that only the trainer knows. A program may claim whatever it likes
about its own output; comparing happens outside.
"""

from guerdon.sandbox.attacks.attack import Attack
from guerdon.sandbox.results import Status

_REFUSED = frozenset({Status.refused})
_NOT_OK = frozenset(Status) - {Status.ok}

ATTACKS = (
    Attack(
        "report_on_every_descriptor",
        "a report forged on every descriptor is refused",
        """
        import json, os, struct
        def f():
            header = json.dumps({"reason": None, "exit": 0, "signal": None, "wall_s": 0.0,
                                 "cpu_s": 0.0, "memory_kb": 1, "sizes": [12, 0, 0]}).encode()
            frame = bytes(16) + struct.pack(">I", len(header)) + header + b'["ok", true]'
            for fd in range(64):
                for data in (b'["ok", true]', frame, b"ready", b"f", b"k", b"+"):
                    try:
                        os.write(fd, data)
                    except OSError:
                        pass
            return 1
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "report_then_exit",
        "a well-formed forged report says no more than a value",
        """
        import os
        def f():
            os.write(3, b'["ok", {"status": "ok", "passed": true, "correct": true, "reward": 1}]')
            os._exit(0)
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "report_true",
        "nor does one that says true",
        "import os\ndef f():\n    os.write(3, b'[\"ok\",true]')\n    os._exit(0)",
        function="f",
    ),
    Attack(
        "report_of_other_types",
        "a report can make plain data only",
        """
        import os
        def f():
            os.write(3, b'["ok", {"object": "builtins.open"}]')
            os._exit(0)
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "report_too_deep",
        "a report that is nested too deep is an outcome",
        "import os\ndef f():\n    os.write(3, b'[' * 50_000)\n    os._exit(0)",
        function="f",
        ends=_NOT_OK,
    ),
    Attack(
        "report_of_no_number",
        "nor is NaN JSON",
        "import os\ndef f():\n    os.write(3, b'[\"ok\",NaN]')\n    os._exit(0)",
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "report_of_a_status",
        "a program cannot choose what the watcher saw",
        """
        import os
        def f():
            os.write(3, b'["nondeterministic", "x"]')
            os._exit(0)
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "verdict_on_stdout",
        "a verdict that is printed is output",
        "def f():\n    print('OK passed 1 failed 0 True [\"ok\", true]')",
        function="f",
    ),
    Attack(
        "exit_early",
        "a function that never returned has no value",
        "import os\ndef f():\n    os._exit(0)",
        function="f",
        ends=_NOT_OK,
    ),
    Attack(
        "system_exit",
        "nor one that left by SystemExit",
        "import sys\ndef f():\n    sys.exit(0)",
        function="f",
        ends=_NOT_OK,
    ),
    Attack(
        "equal_to_everything",
        "an object that equals everything is not data",
        """
        class Yes:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __hash__(self): return 0
            def __bool__(self): return True
        def f(): return Yes()
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "number_that_equals_everything",
        "nor is a number of a class of its own",
        """
        class Int(int):
            def __eq__(self, other): return True
            __hash__ = int.__hash__
        def f(): return Int(3)
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "false_repr",
        "what an object's repr says is not read",
        """
        class Text(str):
            def __repr__(self): return "True"
            __str__ = __repr__
        def f(): return [Text("x")]
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "false_hash",
        "nor is its hash",
        """
        class Key:
            def __hash__(self): return hash(1)
            def __eq__(self, other): return True
        def f(): return {Key(): Key()}
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "false_class",
        "nor what it says its class is",
        """
        class Liar:
            __class__ = property(lambda self: int)
            def __index__(self): return 1
            __int__ = __index__
        def f(): return Liar()
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "pickle_bomb",
        "nothing is unpickled",
        """
        class Bomb:
            def __reduce__(self): return (print, ("BREACH",))
        def f(): return Bomb()
        """,
        function="f",
        ends=_REFUSED,
    ),
    Attack(
        "text_to_evaluate",
        "nothing is evaluated",
        'def f(): return \'__import__("os").system("echo BREACH") or True\'',
        function="f",
    ),
    Attack(
        "splice",
        "arguments are data",
        "def f(): return '0) or True or (0'",
        function="f",
    ),
    Attack(
        "patched_encoder",
        "changing what encodes the value changes no verdict",
        """
        import gc, json, types
        def f():
            for one in gc.get_objects():
                if isinstance(one, types.FunctionType) and one.__name__ in ("encode", "dumps"):
                    one.__code__ = (lambda *a, **k: '["ok",true]').__code__
            return 1
        """,
        function="f",
    ),
    Attack(
        "patched_builtins",
        "nor does changing builtins",
        """
        import builtins
        def f():
            for name in ("type", "isinstance", "len", "sorted", "repr", "list", "dict", "str"):
                setattr(builtins, name, lambda *a, **k: True)
            return 1
        """,
        function="f",
        ends=frozenset(Status),
    ),
    Attack(
        "odd_text",
        "text that no encoding takes is an outcome",
        r"""
        import sys
        def f():
            print("\ud800\x00\x1b[2J")
            sys.stdout.buffer.write(bytes(range(256)))
            return "\ud800"
        """,
        function="f",
    ),
    Attack(
        "code_with_nul",
        "code that is not code is an outcome",
        "def f(): return 1\n\x00",
        function="f",
        ends=_NOT_OK,
    ),
    Attack(
        "endless_parse",
        "so is code that cannot be parsed",
        "x = " + "(" * 50_000,
        ends=_NOT_OK,
    ),
)
