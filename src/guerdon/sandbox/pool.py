"""Sandbox: one interface to run untrusted code, whatever holds it."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import logging
import platform
import shutil
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from guerdon.errors import ConfigError, SandboxError
from guerdon.sandbox.fusion import FusionRoom
from guerdon.sandbox.inside import values
from guerdon.sandbox.launch import Plan
from guerdon.sandbox.limits import Limits
from guerdon.sandbox.results import Result, Status, judge, same
from guerdon.sandbox.room import Lost, Overdue, Room
from guerdon.sandbox.syscalls import ARCHITECTURES

log = logging.getLogger("guerdon")

Level = Literal["bubblewrap", "subprocess", "container", "http"]

IMPORTS = (
    "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "fractions",
    "functools", "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics",
    "string", "typing",
)  # fmt: skip
"""Loaded before a program starts, so that its own import of them takes no time."""

MAX_JOB_BYTES = 16 << 20
_CACHED = 4096
_HASH_SEEDS = (0, 1)
"""Of the first run, and of the second where two are asked for: the same in every process."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """Runs programs that a model wrote, each in a process of its own that can touch nothing.

    | Level | Holds |
    |---|---|
    | ``bubblewrap`` | no network, own process numbers, only the interpreter in sight |
    | ``container`` | the same by ``runtime`` (docker, podman) and an ``image`` with python3 |
    | ``http`` | a SandboxFusion server at ``url`` does; its word is taken for what it holds |
    | ``subprocess`` | limits and the system call filter; **files of this machine can be read** |

    Equal programs with equal input are run once. A pool that is dropped, or left at exit, ends its
    processes; ``guerdon sandbox check`` shows what holds on a machine.

    Args:
        level: what holds the programs.
        allow_weak: accept level ``subprocess``.
        num_workers: programs at once.
        limits: what each may use.
        imports: modules loaded beforehand. One that is not Python's own is mounted, too; a package
            it needs must be named as well.
        only_imports: refuse a program that imports anything else.
        image: of level ``container``.
        runtime: of level ``container``: the command.
        url: of level ``http``.

    Raises:
        ConfigError: the level cannot be had on this machine.
    """

    level: Level = "bubblewrap"
    allow_weak: bool = False
    num_workers: int = 2
    limits: Limits = Limits()
    imports: tuple[str, ...] = IMPORTS
    only_imports: bool = False
    image: str = ""
    runtime: str = "docker"
    url: str = ""
    _pool: list[_Pool] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.num_workers < 1:
            raise ConfigError(f"num_workers is {self.num_workers}; it must be at least 1")
        if problem := self._unavailable():
            raise ConfigError(f"sandbox level {self.level}: {problem}")

    async def run(self, program: str, stdin: str = "", *, twice: bool = False) -> Result:
        """Run a whole program; ``Result.output`` is what it printed.

        Args:
            program: Python, run as ``__main__``.
            stdin: what it can read.
            twice: run it in a second process with another hash seed as well; the status is
                ``nondeterministic`` unless both end alike.

        Raises:
            SandboxError: the sandbox itself failed. A program that fails is a result.
        """
        return await self._do({"code": program, "function": None, "stdin": stdin}, (), {}, twice)

    async def call(
        self,
        code: str,
        function: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        twice: bool = False,
    ) -> Result:
        """Call a function that ``code`` defines; ``Result.value`` is what it returned.

        Args:
            code: Python, run as a module.
            function: a name in it, or a method of its class ``Solution``.
            args, kwargs: plain values (see `inside.values`).
            twice: as in ``run``.

        Raises:
            SandboxError: the sandbox itself failed. A function that fails is a result.
            NotPlain, TooLarge: an argument is not plain data (`guerdon.sandbox.values`).
        """
        job = {"code": code, "function": function, "stdin": ""}
        return await self._do(job, args, kwargs or {}, twice)

    def close(self) -> None:
        """End every process now."""
        for pool in self._pool:
            pool.close()
        self._pool.clear()

    async def _do(
        self, job: dict[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any], twice: bool
    ) -> Result:
        job["args"], job["kwargs"] = values.encode(list(args)), values.encode(dict(kwargs))
        data = json.dumps(job).encode()
        if len(data) > MAX_JOB_BYTES:
            return Result(Status.refused, note=f"code and input exceed {MAX_JOB_BYTES} bytes")
        if not self._pool:
            self._pool.append(_Pool(self._plan(), self.num_workers, self.url))
        seeds = _HASH_SEEDS if twice else _HASH_SEEDS[:1]
        futures = [_follow(self._pool[0].submit(data, seed)) for seed in seeds]
        results = await asyncio.gather(*(asyncio.wrap_future(each) for each in futures))
        if all(same(results[0], other) for other in results[1:]):
            return results[0]
        note = " and ".join(result.status for result in results)
        return Result(Status.nondeterministic, note=note, usage=results[0].usage)

    def _plan(self) -> Plan:
        return Plan(
            level=self.level,
            limits=self.limits,
            imports=self.imports,
            only_imports=self.only_imports,
            image=self.image,
            runtime=self.runtime,
        )

    def _unavailable(self) -> str | None:
        """Why this level cannot be had; None if it can."""
        if self.level == "subprocess" and not self.allow_weak:
            return (
                "programs could read every file of this machine; "
                "use bubblewrap, or set allow_weak: true if that is acceptable"
            )
        if self.level == "bubblewrap" and not shutil.which("bwrap"):
            return (
                "the command bwrap is missing; install the package bubblewrap "
                "(apt-get install bubblewrap), or choose another level"
            )
        if self.level == "bubblewrap" and platform.machine() not in ARCHITECTURES:
            return f"there is no system call filter for {platform.machine()}"
        if self.level == "container" and not (self.image and shutil.which(self.runtime)):
            return f"it needs an image (now {self.image!r}) and the command {self.runtime}"
        if self.level == "http" and not self.url.startswith(("http://", "https://")):
            return f"url is {self.url!r}; give the address of a SandboxFusion server"
        if self.level in ("bubblewrap", "subprocess"):
            missing = [name for name in self.imports if not importlib.util.find_spec(name)]
            if missing:
                return f"imports {', '.join(missing)}: not installed here"
        return None


class _Pool:
    """Threads that each wait for a sandbox of their own, and the memory of what was run.

    Threads, so that any number of event loops may share a pool, and so that nothing a program does
    to the event loop's timing can move a deadline.
    """

    def __init__(self, plan: Plan, num_workers: int, url: str) -> None:
        self._plan, self._url = plan, url
        self._local = threading.local()
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._rooms: set[Room | FusionRoom] = set()
        self._known: OrderedDict[bytes, Future[Result]] = OrderedDict()
        self._threads = ThreadPoolExecutor(num_workers, thread_name_prefix="sandbox")
        self.close = weakref.finalize(self, _close, self._is_closed, self._threads, self._rooms)
        log.info("sandbox: level %s, %d at once", plan.level, num_workers)

    def submit(self, job: bytes, hash_seed: int) -> Future[Result]:
        """The result of a job, run now or known from before."""
        key = hashlib.blake2b(bytes([hash_seed]) + job, digest_size=16).digest()
        with self._lock:
            future = self._known.get(key)
            if future is None or future.cancelled() or (future.done() and future.exception()):
                future = self._known[key] = self._threads.submit(self._run, job, hash_seed)
            self._known.move_to_end(key)
            while len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return future

    def _run(self, job: bytes, hash_seed: int) -> Result:
        """Run in this thread's sandbox; once more, in a fresh one, if that one is gone."""
        for attempt in (1, 2):
            room = self._room(hash_seed)
            try:
                return judge(room.ask(job))
            except Overdue:
                self._drop(room, hash_seed)
                return Result(Status.timeout, note="the sandbox did not answer and was killed")
            except (Lost, OSError) as error:
                self._drop(room, hash_seed)
                if attempt == 2 or self._is_closed.is_set():
                    raise SandboxError(f"the {self._plan.level} sandbox failed: {error}") from error
        raise AssertionError("unreachable")

    def _room(self, hash_seed: int) -> Room | FusionRoom:
        rooms: dict[int, Room | FusionRoom] = self._local.__dict__.setdefault("rooms", {})
        if hash_seed not in rooms:
            if self._plan.level == "http":
                rooms[hash_seed] = FusionRoom(self._url, self._plan)
            else:
                rooms[hash_seed] = Room(self._plan, hash_seed)
            self._rooms.add(rooms[hash_seed])
            if self._is_closed.is_set():
                self._drop(rooms[hash_seed], hash_seed)
                raise SandboxError("the sandbox was closed")
        return rooms[hash_seed]

    def _drop(self, room: Room | FusionRoom, hash_seed: int) -> None:
        room.close()
        self._rooms.discard(room)
        del self._local.rooms[hash_seed]


def _follow(shared: Future[Result]) -> Future[Result]:
    """A future of one's own: whoever stops waiting must not cancel it for the others."""
    own: Future[Result] = Future()

    def pass_on(done: Future[Result]) -> None:
        if not own.set_running_or_notify_cancel():
            return
        error = SandboxError("the sandbox was closed") if done.cancelled() else done.exception()
        if error:
            own.set_exception(error)
        else:
            own.set_result(done.result())

    shared.add_done_callback(pass_on)
    return own


def _close(
    is_closed: threading.Event, threads: ThreadPoolExecutor, rooms: set[Room | FusionRoom]
) -> None:
    is_closed.set()
    threads.shutdown(wait=False, cancel_futures=True)
    for room in list(rooms):
        room.close()
    rooms.clear()
