"""Client: call one model, wherever it is served, and never pretend that an answer came.

What a call goes through: cache, one flight for identical calls, the healthiest server, its limits,
the budget, the attempt, the ledger; then back-off and the next attempt, if that may help.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from guerdon.errors import ConfigError, TransportError
from guerdon.llm import meter
from guerdon.llm.cache import Cache, key_of
from guerdon.llm.endpoint import Address, Endpoint, Kind
from guerdon.llm.ledger import Call, Ledger
from guerdon.llm.limits import Breaker
from guerdon.llm.prices import Price
from guerdon.llm.reply import CallFailed, Reply, Usage

_BYTES_PER_TOKEN = 3
"""For rate limits, which are corrected after the call; a budget counts a token for every byte."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to try.

    Args:
        timeout_s: for one attempt, the last byte included.
        max_attempts: per call; only what may succeed later is tried again (429, 5xx, time-outs,
            broken connections and responses).
        total_s: for a call with all its attempts and waits, while its servers are down included.
        backoff_s: before the second attempt; doubled for each further one, with jitter.
        max_backoff_s: the longest of these waits. A server that asks for another one gets it.
    """

    timeout_s: float = 60.0
    max_attempts: int = 5
    total_s: float = 300.0
    backoff_s: float = 0.5
    max_backoff_s: float = 20.0


@dataclass(frozen=True)
class Request:
    """What is asked: the body of the HTTP request, and what the body does not say.

    Args:
        kind: chat or raw completion.
        body: sent as it is.
        max_tokens: of the reply.
        prompt_tokens: the most the prompt can have.
        sample: which of several independent answers to the same request this is.
    """

    kind: Kind
    body: Mapping[str, Any]
    max_tokens: int
    prompt_tokens: int
    sample: int = 0

    def key(self, revision: str) -> bytes:
        """What the cache knows it by."""
        skipped = ("stream", "seed")  # how it is answered; and the sample says which
        body = {name: value for name, value in self.body.items() if name not in skipped}
        return key_of({"kind": self.kind, "revision": revision, "n": self.sample, **body})


@dataclass
class _Flight:
    """A call under way, and how many wait for it."""

    task: asyncio.Task[Reply]
    num_waiting: int = 0


class Client:
    """Calls of one model in one role.

    Args:
        model: its name on the servers.
        addresses: servers of the same model; the least loaded healthy one is called.
        price: what its tokens cost.
        role: for the ledger: the name in `models`.
        revision: for the cache: change it when the model behind the name changes.
        cache, ledger: those of the run; None: no cache, and a ledger in memory.
    """

    def __init__(
        self,
        model: str,
        addresses: Sequence[Address],
        price: Price,
        *,
        role: str = "model",
        revision: str = "",
        patience: Patience = Patience(),
        cache: Cache | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        if problems := [line for address in addresses for line in address.problems()]:
            raise ConfigError(problems)
        self.model, self.addresses, self.price = model, tuple(addresses), price
        self.role, self.revision, self.patience = role, revision, patience
        self.cache = Cache(mode="off") if cache is None else cache
        self.ledger = Ledger() if ledger is None else ledger
        self._loop: asyncio.AbstractEventLoop | None = None
        self._door: asyncio.Semaphore
        self._endpoints: list[Endpoint] = []
        self._flights: dict[bytes, _Flight] = {}

    async def ask(self, request: Request) -> Reply:
        """The reply to a request, from the cache or from a server.

        Raises:
            TransportError: no attempt brought an answer.
            BudgetExceeded: the call might cost more than is left.
            CacheMiss: replay, and there is no such answer.
        """
        self._enter_loop()
        async with self._door:  # a thousand calls at once must not delay the first ones
            reply = await self._answer(request)
        usage = reply.usage
        worth = self.price.cost(usage) if usage.is_known else self._most(request)
        meter.note_answer(usage, worth, is_cached=reply.is_cached)
        return reply

    async def close(self) -> None:
        """Close the connections; cache and ledger belong to the run."""
        for endpoint in self._endpoints:
            await endpoint.close()
        self._endpoints, self._loop = [], None

    async def _answer(self, request: Request) -> Reply:
        if not self.cache.is_on:
            return await self._call(request)
        key = request.key(self.revision)
        reply = self.cache.get(key, f"{self.model!r}")
        if reply is not None:
            self.ledger.hit(self.role, self.model)
            return reply
        return await self._join(key, request)

    def _most(self, request: Request) -> int:
        return self.price.most(request.prompt_tokens, request.max_tokens)

    def _enter_loop(self) -> None:
        """Connections and limits belong to an event loop; make new ones for a new loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._flights = loop, {}
            slots = sum(address.max_concurrent for address in self.addresses)
            self._door = asyncio.Semaphore(2 * slots)
            self._endpoints = [
                Endpoint(address, self.patience.timeout_s, Breaker()) for address in self.addresses
            ]

    # --- one flight for identical calls -----------------------------------------------------------

    async def _join(self, key: bytes, request: Request) -> Reply:
        """The reply of a call with this key, which goes on as long as anybody waits for it."""
        flight = self._flights.get(key)
        is_first = flight is None
        if flight is None:
            flight = _Flight(asyncio.get_running_loop().create_task(self._keep(key, request)))
            self._flights[key] = flight
        flight.num_waiting += 1
        try:
            reply = await asyncio.shield(flight.task)
        finally:
            flight.num_waiting -= 1
            if not flight.num_waiting:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                if not flight.task.done():
                    flight.task.cancel()
                    await asyncio.wait({flight.task})  # it is charged before anybody goes on
        if is_first:
            return reply
        self.ledger.hit(self.role, self.model)
        return replace(reply, is_cached=True)

    async def _keep(self, key: bytes, request: Request) -> Reply:
        reply = await self._call(request)
        self.cache.put(key, request.body, reply)
        return reply

    # --- attempts ---------------------------------------------------------------------------------

    async def _call(self, request: Request) -> Reply:
        patience = self.patience
        deadline = time.monotonic() + patience.total_s
        endpoint: Endpoint | None = None
        attempt = 0
        while True:
            attempt += 1
            endpoint = await self._pick(deadline, endpoint)
            try:
                return await self._attempt(endpoint, request)
            except CallFailed as failure:
                wait = self._wait_s(attempt, failure.retry_after_s)
                is_late = time.monotonic() + wait > deadline
                if not failure.retryable or is_late or attempt >= patience.max_attempts:
                    times = "" if attempt == 1 else f" ({attempt} attempts)"
                    raise TransportError(
                        f"{self.role} {self.model!r} at {endpoint.host}: {failure}{times}"
                    ) from None
            await asyncio.sleep(wait)

    def _wait_s(self, attempt: int, asked_s: float | None) -> float:
        grown = self.patience.backoff_s * 2 ** (attempt - 1)
        backoff = min(grown, self.patience.max_backoff_s) * random.uniform(0.5, 1.0)
        return backoff if asked_s is None else asked_s + random.uniform(0.0, backoff)

    async def _pick(self, deadline: float, avoid: Endpoint | None) -> Endpoint:
        """The least loaded server whose breaker lets calls through; waits for one till then."""
        while True:
            waits = {endpoint: endpoint.breaker.wait_s() for endpoint in self._endpoints}
            ready = [endpoint for endpoint, wait in waits.items() if wait <= 0]
            if ready:
                return min(ready, key=lambda one: (one is avoid, one.num_calls))
            wait = min(waits.values())
            if time.monotonic() + wait > deadline:
                down = "; ".join(f"{one.host}: {one.last_failure}" for one in self._endpoints)
                raise TransportError(
                    f"{self.role} {self.model!r}: no server answers, tried for "
                    f"{self.patience.total_s:g} s ({down})"
                )
            await asyncio.sleep(wait)

    async def _attempt(self, endpoint: Endpoint, request: Request) -> Reply:
        """One attempt within the limits, and what it says about the server's health."""
        estimate = request.prompt_tokens // _BYTES_PER_TOKEN + request.max_tokens
        endpoint.num_calls += 1
        is_probe = endpoint.breaker.begin()
        try:
            async with endpoint.limiter.slot(estimate) as taken:
                reply = await self._paid(endpoint, request)
                if reply.usage.is_known:
                    taken.amount = (reply.usage.tokens_in or 0) + (reply.usage.tokens_out or 0)
            endpoint.breaker.succeed()
            return reply
        except CallFailed as failure:
            if failure.blames_server:
                endpoint.last_failure = str(failure)
                endpoint.breaker.fail(is_probe)
            else:
                endpoint.breaker.succeed()
            raise
        finally:
            endpoint.num_calls -= 1
            endpoint.breaker.end(is_probe)

    async def _paid(self, endpoint: Endpoint, request: Request) -> Reply:
        """One attempt that the ledger knows of, whatever becomes of it.

        A call that was cancelled or timed out may have been billed, and one whose usage is not
        told has been: both count at the most they may have cost.
        """
        most = self._most(request)
        await self.ledger.reserve(most, self.role)
        usage, outcome, nano_usd = Usage(), "cancelled", most
        started = time.perf_counter()
        try:
            reply = await endpoint.send(request.kind, request.body)
            usage, outcome = reply.usage, reply.outcome
            nano_usd = self.price.cost(usage) if usage.is_known else most
            return reply
        except CallFailed as failure:
            outcome, nano_usd = "failed", most if failure.may_be_billed else 0
            raise
        finally:
            seconds = time.perf_counter() - started
            call = Call(self.role, self.model, endpoint.host, outcome, usage, seconds, nano_usd)
            self.ledger.settle(most, call)
