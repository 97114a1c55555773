"""Attacks on what a process might have been left with."""

from guerdon.sandbox.attacks.attack import Attack
from guerdon.sandbox.results import Status

ATTACKS = (
    Attack(
        "environment",
        "no environment is inherited",
        """
        import ctypes, os
        variables = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
        found, number = [], 0
        while variables[number]:
            found.append(variables[number].decode(errors="replace"))
            number += 1
        if "TOKEN" in str(found) or "TOKEN" in str(dict(os.environ)):
            print("BREACH")
        """,
    ),
    Attack(
        "descriptors",
        "no descriptor is inherited",
        """
        import os
        for fd in range(4, 4096):
            try:
                os.fstat(fd)
                print("BREACH", fd)
            except OSError:
                pass
        """,
    ),
    Attack(
        "arguments",
        "nothing of the host stands in the arguments or paths",
        """
        import os, sys
        if HOST_ROOT in str((sys.argv, sys.orig_argv, sys.path, sys.prefix, os.__file__)):
            print("BREACH")
        """,
    ),
    Attack(
        "earlier_program_in_memory",
        "what an earlier program was and said is not in memory",
        "mark = 'left-' + 'TOKEN'\nprint(mark * 100)\n# left-TOKEN",
        then="""
        import gc, sys
        mark = "left-" + "TOKEN"
        frame, frames = sys._getframe(), []
        while frame:
            frames.append(frame)
            frame = frame.f_back
        seen = [str(vars) for one in frames[1:] for vars in (one.f_locals, one.f_globals)]
        gc.unfreeze()
        texts = [x for x in gc.get_objects() if isinstance(x, (str, bytes))]
        texts += [y for x in gc.get_objects() if isinstance(x, (dict, list, tuple))
                  for y in gc.get_referents(x) if isinstance(y, (str, bytes, bytearray))]
        for text in (*seen, *texts):
            text = text if isinstance(text, str) else bytes(text).decode(errors="replace")
            if mark in text and "frame, frames" not in text and text != mark:
                print("BREACH")
                break
        """,
    ),
    Attack(
        "earlier_program_on_disk",
        "nor is it on disk",
        "open('left', 'w').write('x')\nimport os\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()",
        then="import os\nif os.listdir('.'): print('BREACH')",
    ),
    Attack(
        "earlier_program_in_interpreter",
        "what a program changes in its interpreter changes nothing for the next",
        """
        import builtins, json, math, sys
        builtins.len = math.sqrt = json.dumps = lambda *_: 7
        sys.modules["re"] = None
        sys.setrecursionlimit(50)
        """,
        ends=frozenset({Status.ok, Status.killed}),
        then="""
        import json, math, re, sys
        if len("x") != 1 or math.sqrt(4) != 2 or json.dumps(1) != "1" or sys.getrecursionlimit() < 99:
            print("BREACH")
        """,  # noqa: E501
    ),
    Attack(
        "unread_input",
        "input that a program leaves is not the next one's",
        "import os\nos.lseek(0, 0, 0)\nprint('reads nothing')",
        then="""
        import os, select, sys
        if sys.stdin.read() or os.read(0, 10):
            print("BREACH")
        """,
    ),
)
