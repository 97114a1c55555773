"""RemoteEnv: a game whose world is in another process, as heavy or old as it needs to be.

It speaks the protocol of `guerdon env serve` (docs/environments.md), so that an environment can
live in an installation of its own, in any language.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import httpx2

from guerdon.envs.server_process import ServerProcess
from guerdon.errors import ConfigError, EnvError
from guerdon.runs.schema import task_to_json
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Task

_RETRYABLE = (502, 503, 504)
_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()
"""Connections belong to an event loop."""


@dataclass(kw_only=True)
class RemoteEnv:
    """A `Game`, one session of a server for each copy.

    Args:
        url: the server's, such as ``http://127.0.0.1:8100/v1``.
        serve: instead: what `guerdon env serve` is started with, in a process that ends with ours.
        timeout_s: for each answer.
        max_attempts: of each request. A step that is asked for twice is carried out once.
        retry_s: wait before the second attempt; doubled before each further one.
    """

    url: str | None = None
    serve: str | None = None
    timeout_s: float = 120.0
    max_attempts: int = 3
    retry_s: float = 0.5
    _session: str = field(default="", init=False, repr=False)
    _number: int = field(default=0, init=False, repr=False)
    _last: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _about: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        problems = []
        if (self.url is None) == (self.serve is None):
            problems.append("RemoteEnv: give either url or serve")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            problems.append(f"RemoteEnv: url must begin with http://, not {self.url!r}")
        if self.timeout_s <= 0 or self.max_attempts < 1 or self.retry_s < 0:
            problems.append("RemoteEnv: timeout_s and max_attempts must be above 0")
        if problems:
            raise ConfigError(problems)

    @property
    def actions(self) -> Sequence[str]:
        """The game's actions."""
        return tuple(self._last.get("actions") or self._described()["actions"])

    @property
    def instruction(self) -> str:
        """What the game is about."""
        return str(self._described()["instruction"])

    @property
    def legend(self) -> Mapping[str, str]:
        """What its symbols mean."""
        return dict(self._described()["legend"])

    def tools(self) -> list[dict[str, Any]]:
        """Its tools."""
        return list(self._described()["tools"])

    async def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Begin the task in this copy's session."""
        self._session = self._session or uuid4().hex
        body = {"session": self._session, "task": task_to_json(task), "seed": seed}
        self._last, self._number = await self._post("reset", body), 0
        return self._last["observation"], self._last["info"]

    async def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Act."""
        body = {"session": self._session, "action": action, "number": self._number + 1}
        self._last = last = await self._post("step", body)
        self._number += 1
        return (
            last["observation"],
            last["reward"],
            last["terminated"],
            last["truncated"],
            last["info"],
        )

    def anchor(self) -> str | None:
        """The state, if the game on the other side names it."""
        return self._last.get("anchor")

    async def oracle(self) -> str | None:
        """The best action, if the game on the other side knows it."""
        found = await self._post("ask", {"session": self._session, "what": "oracle"})
        action: str | None = found["action"]
        return action

    async def sample(self, draw: random.Random) -> str:
        """Any action."""
        if self.actions:
            return draw.choice(self.actions)
        body = {"session": self._session, "what": "sample", "seed": draw.getrandbits(32)}
        return str((await self._post("ask", body))["action"])

    async def snapshot(self) -> RemoteEnv:
        """A session of its own that goes on from here."""
        copied = replace(self)
        copied._session = (await self._post("snapshot", {"session": self._session}))["session"]
        copied._number, copied._last = self._number, self._last
        return copied

    async def close(self) -> None:
        """End the session."""
        if self._session:
            await self._post("close", {"session": self._session})
            self._session = ""

    # --- the wire --------------------------------------------------------------------------------

    def _address(self) -> str:
        if self.url is not None:
            return self.url.rstrip("/")
        assert self.serve is not None
        return ServerProcess.shared(self.serve).url

    def _described(self) -> dict[str, Any]:
        """What the server says of the game; asked once."""
        if not self._about:
            self._about = get_json(f"{self._address()}/health", self.timeout_s)
        return self._about

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        address, why = f"{self._address()}/{path}", ""
        for attempt in range(self.max_attempts):
            if attempt:
                await asyncio.sleep(self.retry_s * 2 ** (attempt - 1))
            try:
                response = await _client().post(address, json=dict(body), timeout=self.timeout_s)
            except httpx2.HTTPError as error:
                why = f"{type(error).__name__}: {error}".rstrip(": ")
                continue
            if response.status_code not in _RETRYABLE:
                return _read(response, address)
            why = f"HTTP {response.status_code}"
        raise EnvError(f"{address}: no answer after {self.max_attempts} attempts, last: {why}")


@dataclass(frozen=True, kw_only=True)
class RemoteTasks:
    """The tasks of a server that has some.

    Args:
        url: the server's.
        timeout_s: for its answer.
    """

    url: str
    timeout_s: float = 120.0

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Ask for them.

        Raises:
            ConfigError: the server cannot be reached, or has none.
        """
        try:
            record = get_json(f"{self.url.rstrip('/')}/tasks", self.timeout_s)
            train, held_out = (
                tuple(Task(**{**one, "prompt": tuple(one["prompt"])}) for one in record[name])
                for name in ("train", "held_out")
            )
        except EnvError as error:
            raise ConfigError(f"RemoteTasks: {error}") from error
        return TaskSets(train=train, held_out=held_out)


def get_json(address: str, timeout_s: float) -> dict[str, Any]:
    """What an address answers.

    Raises:
        EnvError: it cannot be reached, or answers nonsense.
    """
    try:
        response = httpx2.get(address, timeout=timeout_s, trust_env=False)
    except httpx2.HTTPError as error:
        raise EnvError(f"{address}: {type(error).__name__}: {error}".rstrip(": ")) from error
    return _read(response, address)


def _client() -> httpx2.AsyncClient:
    loop = asyncio.get_running_loop()
    if loop not in _CLIENTS:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        _CLIENTS[loop] = httpx2.AsyncClient(limits=limits, trust_env=False)
    return _CLIENTS[loop]


def _read(response: httpx2.Response, address: str) -> dict[str, Any]:
    try:
        body = response.json()
        if response.status_code == 200 and isinstance(body, dict):
            return body
        message = body["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = "not an environment's server; give the url that `guerdon env serve` printed"
    raise EnvError(f"{address}: HTTP {response.status_code}: {message}")
