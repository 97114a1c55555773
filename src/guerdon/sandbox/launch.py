"""The command that starts a sandbox of each level; all of them run `inside/warden.py`."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guerdon.sandbox import interpreter
from guerdon.sandbox.limits import Limits
from guerdon.sandbox.seccomp import filter_calls

INSIDE = Path(__file__).parent / "inside"
FOLDER = "/work"
_PYTHON = ("-s", "-S", "-B", "-X", "utf8")
_NOBODY = "65534"


@dataclass(frozen=True)
class Plan:
    """What every sandbox of a pool has in common."""

    level: str
    limits: Limits
    imports: tuple[str, ...]
    only_imports: bool
    image: str = ""
    runtime: str = "docker"

    def settings(self, **more: Any) -> str:
        """The argument of `inside/warden.py`."""
        limits = self.limits
        code = filter_calls()
        values = {
            "wall_s": limits.wall_s,
            "cpu_s": limits.cpu_s,
            "memory_mb": limits.memory_mb,
            "output_kb": limits.output_kb,
            "folder_mb": limits.folder_mb,
            "folder_files": limits.folder_files,
            "max_files": limits.max_files,
            "imports": self.imports,
            "only_imports": self.only_imports,
            "seccomp": code.hex() if code else "",
            "folder": FOLDER,
            "packages": [],
            "mount": False,
            "remove": False,
        }
        return json.dumps(values | more)


@dataclass(frozen=True)
class Launch:
    """A command, its environment, and a folder to remove when it has ended."""

    command: list[str]
    environment: dict[str, str]
    folder: Path | None = None


def launch(plan: Plan, hash_seed: int) -> Launch:
    """How to start one sandbox of the plan's level."""
    if plan.level == "bubblewrap":
        return _bubblewrap(plan, hash_seed)
    if plan.level == "container":
        return _container(plan, hash_seed)
    assert plan.level == "subprocess", plan.level
    return _subprocess(plan, hash_seed)


def _environment(hash_seed: int) -> dict[str, str]:
    """What the interpreter needs to start; it is cleared before a program is."""
    return {
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": str(hash_seed),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "TZ": "UTC",
    }


def _bubblewrap(plan: Plan, hash_seed: int) -> Launch:
    """New namespaces of every kind, a root of read-only mounts, one writable folder."""
    tool = shutil.which("bwrap")
    assert tool, "Sandbox has looked for it"
    environment = _environment(hash_seed) | {"LD_LIBRARY_PATH": str(interpreter.LIBRARIES)}
    command = [
        tool, "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--hostname", "sandbox", "--uid", _NOBODY, "--gid", _NOBODY,
        "--die-with-parent", "--new-session", "--as-pid-1", "--cap-add", "CAP_SYS_ADMIN",
        "--clearenv",
    ]  # fmt: skip
    for name, value in environment.items():
        command += ["--setenv", name, value]
    for source, target in interpreter.mounts(plan.imports):
        command += ["--ro-bind", str(source), str(target)]
    for folder in interpreter.hidden(plan.imports):
        command += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    command += ["--ro-bind", str(INSIDE), "/inside", "--dir", FOLDER, "--remount-ro", "/"]
    settings = plan.settings(mount=True, packages=[str(interpreter.PACKAGES)])
    command += ["--chdir", "/", "--", str(interpreter.EXECUTABLE), *_PYTHON]
    return Launch([*command, "/inside/warden.py", settings], {})


def _subprocess(plan: Plan, hash_seed: int) -> Launch:
    """An ordinary process: limits and the system call filter, but every file is in sight."""
    folder = Path(tempfile.mkdtemp(prefix="guerdon-sandbox-"))
    mounted = [source for name in plan.imports for source, _ in interpreter.package(name)]
    packages = list(dict.fromkeys(str(source.parent) for source in mounted))
    settings = plan.settings(folder=str(folder), packages=packages, remove=True)
    python = os.path.realpath(sys.executable)
    command = [python, *_PYTHON, str(INSIDE / "warden.py"), settings]
    return Launch(command, _environment(hash_seed), folder)


def _container(plan: Plan, hash_seed: int) -> Launch:
    """A container of an image that has `python3`; its imports are the image's."""
    limits = plan.limits
    command = [
        plan.runtime, "run", "--rm", "--interactive", "--network", "none", "--read-only",
        "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "16",
        "--user", f"{_NOBODY}:{_NOBODY}", "--hostname", "sandbox",
        "--memory", f"{limits.memory_mb + limits.folder_mb + 128}m",
        "--tmpfs",
        f"{FOLDER}:rw,nosuid,nodev,mode=700,uid={_NOBODY},gid={_NOBODY},"
        f"size={limits.folder_mb}m,nr_inodes={limits.folder_files}",
        "--volume", f"{INSIDE}:/inside:ro",
    ]  # fmt: skip
    for name, value in _environment(hash_seed).items():
        command += ["--env", f"{name}={value}"]
    python: Sequence[str] = ("--entrypoint", "python3", plan.image, *_PYTHON)
    return Launch([*command, *python, "/inside/warden.py", plan.settings()], dict(os.environ))
