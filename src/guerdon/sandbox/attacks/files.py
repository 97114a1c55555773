"""Attacks on files, devices and the network."""

from guerdon.sandbox.attacks.attack import Attack

ATTACKS = (
    Attack(
        "read_host_file",
        "files of this machine are out of sight",
        """
        try:
            if "TOKEN" in open(SECRET_FILE).read():
                print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "write_host_file",
        "and cannot be written",
        """
        try:
            open(TARGET_FILE, "w").write("x")
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "list_host_folders",
        "nor listed",
        """
        import os
        for path in ("/etc", "/home", "/root", "/usr/bin", "/var", "/tmp", os.path.dirname(SECRET_FILE)):
            try:
                if os.listdir(path):
                    print("BREACH")
            except OSError:
                pass
        """,  # noqa: E501
    ),
    Attack(
        "etc_passwd",
        "nor are its users known",
        """
        import pwd
        try:
            if open("/etc/passwd").read() or pwd.getpwall():
                print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "symlink",
        "a symbolic link leads nowhere",
        """
        import os
        os.symlink(SECRET_FILE, "link")
        os.symlink("/", "root")
        for path in ("link", "root" + SECRET_FILE):
            try:
                if "TOKEN" in open(path).read():
                    print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "symlink_left_behind",
        "a link that is left does not lead the cleaning astray",
        """
        import os
        os.symlink(os.path.dirname(SECRET_FILE), "folder")
        os.symlink(SECRET_FILE, "file")
        os.mkdir("deep")
        os.symlink(os.path.dirname(SECRET_FILE), "deep/folder")
        """,
        then="import os\nif os.listdir('.'): print('BREACH')",
    ),
    Attack(
        "path_traversal",
        "nor do dots",
        """
        for dots in range(1, 12):
            try:
                if "TOKEN" in open("../" * dots + SECRET_FILE.lstrip("/")).read():
                    print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "chroot",
        "the root cannot be changed",
        """
        import os
        os.mkdir("jail")
        for act in (lambda: os.chroot("jail"), lambda: os.chroot("/")):
            try:
                act()
                print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "write_interpreter",
        "the interpreter cannot be changed",
        """
        import os, sys
        for path in (os.__file__, sys.executable, getattr(sys.modules["__main__"], "__file__", "/x")):
            try:
                open(path, "ab").close()
                print("BREACH")
            except OSError:
                pass
        for folder in ("/", os.path.dirname(os.__file__), "/inside", "/lib"):
            try:
                os.mkdir(folder + "/guerdon-check")
                os.rmdir(folder + "/guerdon-check")
                print("BREACH")
            except OSError:
                pass
        """,  # noqa: E501
    ),
    Attack(
        "proc",
        "there is no /proc",
        """
        import os
        for path in ("/proc/self/environ", "/proc/self/maps", "/proc/1/cmdline", "/proc/meminfo"):
            try:
                if open(path, "rb").read(1):
                    print("BREACH")
            except OSError:
                pass
        try:
            open("/proc/self/oom_score_adj", "w").close()
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "sys",
        "there is no /sys",
        """
        import os
        for path in ("/sys", "/sys/fs/cgroup", "/sys/kernel"):
            try:
                if os.listdir(path):
                    print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "devices",
        "there are no devices",
        """
        import os
        for path in ("/dev/mem", "/dev/kmsg", "/dev/tty", "/dev/vda", "/dev/sda", "/dev/nvidia0"):
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                print("BREACH")
            except OSError:
                pass
        try:
            open("/dev/shm/guerdon-check", "w").close()
            os.unlink("/dev/shm/guerdon-check")
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "fifo_and_device_node",
        "no fifo and no device can be made",
        """
        import os, stat
        for act in (
            lambda: os.mkfifo("fifo"),
            lambda: os.mknod("null", stat.S_IFCHR | 0o600, os.makedev(1, 3)),
        ):
            try:
                act()
                print("BREACH")
            except OSError:
                pass
        """,
    ),
    Attack(
        "tcp",
        "there is no network",
        """
        import socket
        try:
            socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "other_sockets",
        "nor a socket of any other kind",
        """
        import socket
        for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
                try:
                    socket.socket(family, kind).close()
                    print("BREACH")
                except OSError:
                    pass
        """,
    ),
    Attack(
        "name_lookup",
        "no name can be looked up",
        """
        import socket
        try:
            socket.getaddrinfo("example.org", 80)
            print("BREACH")
        except OSError:
            pass
        """,
    ),
    Attack(
        "locked_folder",
        "a working folder that is made unusable harms nobody",
        """
        import os
        os.mkdir("inner")
        open("inner/file", "w").close()
        os.chmod("inner", 0)
        os.chmod(".", 0)
        """,
        then="import os\nif os.listdir('.'): print('BREACH')\nopen('file', 'w').close()",
    ),
    Attack(
        "deep_folders",
        "nor does one that is nested without end",
        """
        import os
        try:
            for _ in range(5_000):
                os.mkdir("d")
                os.chdir("d")
        except OSError:
            pass
        """,
        then="import os\nif os.listdir('.'): print('BREACH')",
    ),
)
