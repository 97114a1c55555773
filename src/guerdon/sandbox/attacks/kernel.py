"""Attacks on the kernel's interfaces and on the limits themselves."""

from guerdon.sandbox.attacks.attack import Attack
from guerdon.sandbox.results import Status

ATTACKS = (
    Attack(
        "become_root",
        "no other user can be become",
        """
        import os
        me = os.getuid()
        for act in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0),
                    lambda: os.setgroups([0])):
            try:
                act()
                print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "raise_limits",
        "limits cannot be raised",
        """
        import resource
        for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CORE"):
            which = getattr(resource, name)
            try:
                resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except (OSError, ValueError):
                pass
            if resource.getrlimit(which)[0] == resource.RLIM_INFINITY:
                print("BREACH")
        """,
    ),
    Attack(
        "mount",
        "nothing can be mounted or unmounted",
        """
        import ctypes
        libc = ctypes.CDLL(None)
        if libc.mount(b"none", b".", b"tmpfs", 0, None) == 0:
            libc.umount2(b".", 2)
            print("BREACH")
        if libc.umount2(b"/work", 2) == 0:
            print("BREACH")
        """,
    ),
    Attack(
        "namespaces",
        "no namespace can be made or entered",
        """
        import ctypes
        libc = ctypes.CDLL(None)
        new_user, new_net, new_ns = 0x10000000, 0x40000000, 0x20000
        for flag in (new_user, new_net, new_ns):
            if libc.unshare(flag) == 0 or libc.setns(0, flag) == 0:
                print("BREACH")
        """,
    ),
    Attack(
        "kernel_interfaces",
        "interfaces that Python has no use for are shut",
        """
        import ctypes, platform
        libc = ctypes.CDLL(None)
        x86 = {"bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
               "add_key": 248, "keyctl": 250, "msgget": 68, "semget": 64, "kexec_load": 246,
               "init_module": 175, "pidfd_open": 434, "open_by_handle_at": 304,
               "fanotify_init": 300, "inotify_init1": 294, "eventfd2": 290, "timer_create": 222,
               "personality": 135, "swapon": 167, "reboot": 169, "settimeofday": 164,
               "iopl": 172, "prctl": 157}
        arm = {"bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425,
               "add_key": 217, "keyctl": 219, "msgget": 186, "semget": 190, "pidfd_open": 434,
               "inotify_init1": 26, "eventfd2": 19, "personality": 92, "prctl": 167}
        for name, number in (x86 if platform.machine() == "x86_64" else arm).items():
            if libc.syscall(number, 0, 0, 0, 0, 0) >= 0:
                print("BREACH", name)
        """,
    ),
    Attack(
        "system_calls_of_another_kind",
        "the filter cannot be passed by 32-bit system calls",
        """
        import ctypes, mmap, platform
        if platform.machine() == "x86_64":
            libc = ctypes.CDLL(None)
            if libc.syscall(0x40000000 | 39) > 0:
                print("BREACH")
            code = bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3])
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(code)
            address = ctypes.addressof(ctypes.c_char.from_buffer(page))
            if ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0:
                print("BREACH")
        """,
        ends=frozenset({Status.killed, Status.ok}),
    ),
    Attack(
        "terminal",
        "no terminal can be typed into",
        """
        import ctypes
        libc = ctypes.CDLL(None)
        tiocsti, tioclinux = 0x5412, 0x541C
        for fd in range(4):
            for request in (tiocsti, tioclinux):
                if libc.ioctl(fd, request, ctypes.byref(ctypes.c_char(b"x"))) == 0:
                    print("BREACH")
        """,
    ),
    Attack(
        "crash",
        "a crash is an outcome",
        "import ctypes\nctypes.string_at(0)",
        ends=frozenset({Status.killed}),
    ),
    Attack(
        "host_name",
        "the machine's name is hidden",
        """
        import os
        if os.uname().nodename == HOST_NAME and HOST_NAME != "sandbox":
            print("BREACH")
        """,
    ),
)
