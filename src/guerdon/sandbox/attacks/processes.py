"""Attacks by way of other processes."""

from guerdon.sandbox.attacks.attack import Attack
from guerdon.sandbox.results import Status

ATTACKS = (
    Attack(
        "fork_bomb",
        "a program is one process",
        """
        import os, time
        for _ in range(20):
            try:
                if os.fork() == 0:
                    time.sleep(0.2)
                    os._exit(0)
                print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "vfork_and_clone",
        "nor by the kernel's other ways to make one",
        """
        import ctypes, os, platform
        libc = ctypes.CDLL(None)
        clone, clone3 = {"x86_64": (56, 435), "aarch64": (220, 435)}[platform.machine()]
        for call in ((clone, 17, 0, 0, 0, 0), (clone3, 0, 0)):
            pid = libc.syscall(*call)
            if pid == 0:
                os._exit(0)
            if pid > 0:
                print("BREACH")
        """,
    ),
    Attack(
        "thread_bomb",
        "a program is one thread",
        """
        import threading, time
        for _ in range(50):
            try:
                threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()
                print("BREACH")
            except RuntimeError:
                pass
        """,
    ),
    Attack(
        "shell",
        "no other program is run",
        """
        import os, subprocess, sys
        for command in (["/bin/sh", "-c", "echo BREACH"], [sys.executable or "python3", "-V"]):
            try:
                subprocess.run(command)
                print("BREACH")
            except OSError:
                pass
        os.execv("/bin/sh", ["sh", "-c", "echo BREACH"])
        """,
        ends=frozenset({Status.exception}),
    ),
    Attack(
        "background_survivor",
        "nothing goes on after a program has ended",
        """
        import os, sys, time
        try:
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(0.3)
                    open("survivor", "w").close()
                    time.sleep(2)
                os._exit(0)
        except OSError:
            pass
        """,
        then="""
        import os, time
        time.sleep(0.5)
        if os.path.exists("survivor"):
            print("BREACH")
        """,
    ),
    Attack(
        "signal_host",
        "the trainer cannot be signalled",
        """
        import os
        try:
            os.kill(HOST_PID, 0)
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "signal_everyone",
        "nobody can be signalled",
        """
        import os, signal
        for kill in (lambda: os.kill(-1, 0), lambda: os.kill(0, 0), lambda: os.killpg(1, 0)):
            try:
                kill()
                print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "signal_parent",
        "the process that watches cannot be killed, stopped or interrupted",
        """
        import os, signal
        is_own_world = os.getpid() < 1000 and os.getppid() < 100
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGTERM):
            for pid in {1, os.getppid()} if is_own_world else ():
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
        try:
            os.kill(os.getppid(), 0)
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "signal_by_fcntl",
        "nor by way of a pipe that signals its owner",
        """
        import fcntl, os
        f_setown, f_setsig = 8, 10
        reader, writer = os.pipe()
        for command, value in ((f_setown, os.getppid()), (f_setsig, 9)):
            try:
                fcntl.fcntl(reader, command, value)
                print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "ptrace_parent",
        "no process can be traced",
        """
        import ctypes, os
        attach = 16
        if ctypes.CDLL(None).ptrace(attach, os.getppid(), 0, 0) == 0:
            print("BREACH")
        """,
    ),
    Attack(
        "read_parent_memory",
        "no other process's memory can be read or written",
        """
        import ctypes, os, platform
        libc = ctypes.CDLL(None)
        class Part(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        here = ctypes.create_string_buffer(8)
        mine, theirs = Part(ctypes.addressof(here), 8), Part(id(None), 8)
        for call in (libc.process_vm_readv, libc.process_vm_writev):
            if call(os.getppid(), ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) > 0:
                print("BREACH")
        for name in ("mem", "environ", "maps"):
            try:
                open(f"/proc/{os.getppid()}/{name}", "rb").read(1)
                print("BREACH")
            except OSError as error:
                pass
        """,
    ),
    Attack(
        "limit_parent",
        "no other process can be slowed or limited",
        """
        import os, resource
        parent = os.getppid()
        for act in (
            lambda: os.sched_setaffinity(parent, {0}),
            lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
            lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
        ):
            try:
                act()
                print("BREACH")
            except OSError:
                pass
        """,
    ),
)
