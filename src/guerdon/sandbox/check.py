"""Does this machine keep the sandbox's promises? Try to break each, and look."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from guerdon.sandbox.attacks import ATTACKS, Attack
from guerdon.sandbox.attacks.attack import BREACH
from guerdon.sandbox.limits import Limits
from guerdon.sandbox.pool import Level, Sandbox

LIMITS = Limits(wall_s=1.0, memory_mb=256, folder_mb=8)
_PREFIX = "guerdon-sandbox-"


@dataclass(frozen=True)
class Finding:
    """Whether one attack was held, and what was seen."""

    name: str
    promise: str
    held: bool
    seen: str


@dataclass(frozen=True)
class Scene:
    """What the attacks aim at."""

    folder: Path
    token: str
    port: int

    @property
    def words(self) -> dict[str, str]:
        """What the capitals in an attack's program stand for."""
        return {
            "SECRET_FILE": repr(str(self.folder / "secret")),
            "TARGET_FILE": repr(str(self.folder / "target")),
            "HOST_ROOT": repr(str(Path(__file__).parents[3])),
            "HOST_NAME": repr(socket.gethostname()),
            "HOST_PID": str(os.getpid()),
            "PORT": str(self.port),
            "TOKEN": self.token,
            "FOLDER_MB": str(LIMITS.folder_mb),
            "FOLDER_FILES": str(LIMITS.folder_files),
            "MEMORY_MB": str(LIMITS.memory_mb),
            "MAX_FILES": str(LIMITS.max_files),
        }

    def fill(self, program: str) -> str:
        """A program with its capitals replaced."""
        for word, value in self.words.items():
            program = program.replace(word, value)
        return program

    def is_untouched(self) -> bool:
        """Whether the files are as they were."""
        names = sorted(path.name for path in self.folder.iterdir())
        return names == ["secret"] and (self.folder / "secret").read_text() == self.token


@contextmanager
def _scene() -> Iterator[Scene]:
    """A secret in a file, in the environment and on a descriptor; a port that listens."""
    token = secrets.token_hex(8)
    with (
        tempfile.TemporaryDirectory(prefix="guerdon-check-") as folder,
        socket.socket() as listener,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        secret = Path(folder) / "secret"
        secret.write_text(token)
        leak = os.open(secret, os.O_RDONLY)
        os.set_inheritable(leak, True)
        os.environ["GUERDON_CHECK_TOKEN"] = token
        try:
            yield Scene(Path(folder), token, listener.getsockname()[1])
        finally:
            del os.environ["GUERDON_CHECK_TOKEN"]
            os.close(leak)


def check(level: Level) -> list[Finding]:
    """Run every attack at a level, then look for what is left of them.

    Raises:
        ConfigError: the level cannot be had on this machine.
        SandboxError: it does not start.
    """
    before = _open_descriptors(), _descendants(), _folders()
    sandbox = Sandbox(level=level, allow_weak=True, limits=LIMITS, num_workers=1)
    with _scene() as scene:
        try:
            findings = asyncio.run(_attack(sandbox, scene))
        finally:
            sandbox.close()
    after = _open_descriptors(), _descendants(), _folders()
    for what, was, now in zip(("descriptors", "processes", "files"), before, after, strict=True):
        promise = f"afterwards no {what} are left"
        findings.append(Finding(f"{what}_left", promise, not now - was, f"{len(now - was)} left"))
    return findings


async def _attack(sandbox: Sandbox, scene: Scene) -> list[Finding]:
    assert (await sandbox.call("def f(x): return x + 1", "f", [41])).value == 42
    return [await _try(sandbox, scene, attack) for attack in ATTACKS]


async def _try(sandbox: Sandbox, scene: Scene, attack: Attack) -> Finding:
    """One attack; and then, is the sandbox as it was?"""
    program = scene.fill(attack.program)
    answer = secrets.randbits(60)
    if attack.function is None:
        result = await sandbox.run(program)
    else:
        result = await sandbox.call(program, attack.function)
    held = attack.is_held(result, answer) and scene.is_untouched()
    (scene.folder / "target").unlink(missing_ok=True)
    if attack.then:
        later = await sandbox.run(scene.fill(attack.then))
        held = held and later.ok and BREACH not in later.output
    again = await sandbox.call("def f(x): return x + 1", "f", [answer])
    held = held and again.ok and again.value == answer + 1
    return Finding(attack.name, attack.promise, held, result.status.value)


def _open_descriptors() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}


def _folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")}


def _descendants() -> set[str]:
    """Process numbers of our children and theirs; empty where there is no /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents[stat.parent.name] = fields[1]
    found: set[str] = set()
    wanted = {str(os.getpid())}
    while wanted:
        wanted = {pid for pid, parent in parents.items() if parent in wanted} - found
        found |= wanted
    return found
