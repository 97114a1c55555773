"""Remote: a reward that another program computes, asked over HTTP."""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from guerdon.errors import ConfigError, RewardError
from guerdon.llm.client import Patience
from guerdon.llm.endpoint import Address
from guerdon.llm.reply import CallFailed
from guerdon.types import Models, Reward, Task

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The reward a server answers with.

    It gets a POST with the JSON ``{"task": {"id", "prompt", "answer", "domain", "info"},
    "response"}`` and answers with a number, or with ``{"value", "parts", "note"}`` (``score`` for
    ``value`` will do). Anything else, and every failure once the attempts are used up, is a
    ``RewardError``.

    Args:
        url: where to post.
        api_key_env: the environment variable with the bearer token; None: the server wants none.
        timeout_s: for one attempt, the last byte included.
        max_attempts: 408, 429, 5xx, time-outs and broken connections are tried again, after a wait
            that doubles, with jitter.
        max_concurrent: calls at once.
    """

    url: str
    api_key_env: str | None = None
    timeout_s: float = 60.0
    max_attempts: int = 5
    max_concurrent: int = 64
    _connection: list[_Connection] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        problems = [
            f"Remote: {line.replace('base_url', 'url')}" for line in self._address.problems()
        ]
        for name in ("timeout_s", "max_attempts"):
            if getattr(self, name) <= 0:
                problems.append(f"Remote: {name} must be above 0, got {getattr(self, name)}")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Ask for the reward of one response; ``models`` is not used.

        Raises:
            RewardError: no attempt brought one.
        """
        asked = {"id": task.id, "prompt": list(task.prompt), "answer": task.answer}
        asked |= {"domain": task.domain, "info": dict(task.info)}
        body = json.dumps({"task": asked, "response": response}).encode()
        connection = self._connect()
        patience = Patience()
        for attempt in range(1, self.max_attempts + 1):
            try:
                async with connection.slots:
                    return await self._ask(connection, body)
            except CallFailed as failure:
                if not failure.retryable or attempt == self.max_attempts:
                    times = "" if attempt == 1 else f" ({attempt} attempts)"
                    raise RewardError(f"reward at {self._address.host}: {failure}{times}") from None
                wait = min(patience.backoff_s * 2 ** (attempt - 1), patience.max_backoff_s)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Close the connections."""
        while self._connection:
            await self._connection.pop().client.aclose()

    @property
    def _address(self) -> Address:
        return Address(
            base_url=self.url, api_key_env=self.api_key_env, max_concurrent=self.max_concurrent
        )

    def _connect(self) -> _Connection:
        """The connections of this event loop."""
        loop = asyncio.get_running_loop()
        if not self._connection or self._connection[0].loop is not loop:
            key = os.environ.get(self.api_key_env or "", "")
            client = httpx2.AsyncClient(
                headers={"content-type": "application/json"}
                | ({"authorization": f"Bearer {key}"} if key else {}),
                timeout=self.timeout_s,
                trust_env=self._address.host not in _LOOPBACK,  # no proxy leads to this machine
            )
            slots = asyncio.Semaphore(self.max_concurrent)
            self._connection[:] = [_Connection(client, slots, loop)]
        return self._connection[0]

    async def _ask(self, connection: _Connection, body: bytes) -> Reward:
        """One attempt.

        Raises:
            CallFailed: it brought no reward.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                response = await connection.client.post(self.url, content=body)
        except TimeoutError:
            raise CallFailed(f"no answer within {self.timeout_s:g} s", retryable=True) from None
        except httpx2.HTTPError as error:
            raise CallFailed(f"{type(error).__name__}: {error}", retryable=True) from None
        status = response.status_code
        if status >= 300:
            shown = " ".join(response.text.split())[:_SHOWN]
            retryable = status in (408, 429) or status >= 500
            raise CallFailed(f"HTTP {status}: {shown}", retryable=retryable)
        return _read(response.text)


@dataclass(frozen=True)
class _Connection:
    """What belongs to one event loop."""

    client: httpx2.AsyncClient
    slots: asyncio.Semaphore
    loop: asyncio.AbstractEventLoop


def _read(text: str) -> Reward:
    try:
        found: Any = json.loads(text)
    except ValueError:
        raise CallFailed(f"its answer is no JSON: {text[:_SHOWN]!r}", retryable=True) from None
    value, parts, note = found, {}, ""
    if isinstance(found, Mapping):
        value = found.get("value", found.get("score"))
        parts, note = found.get("parts", {}), str(found.get("note", ""))
    if not _is_finite(value) or not isinstance(parts, Mapping):
        raise CallFailed(f"its answer holds no finite value: {text[:_SHOWN]!r}")
    if wrong := sorted(name for name, part in parts.items() if not _is_finite(part)):
        raise CallFailed(f"its parts {wrong} are no finite numbers")
    return Reward(float(value), {name: float(part) for name, part in parts.items()}, note)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
