"""Limits one server sets: calls at once, requests a minute, tokens a minute; and its health.

Nothing here knows what a call is. Every class belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

MINUTE = 60.0

Clock = Callable[[], float]


@dataclass
class Entry:
    """An amount taken from a window at a time; it may be corrected once the truth is known."""

    at: float
    amount: int


class Window:
    """At most ``limit`` in any ``seconds``; an amount above the limit has a window of its own.

    A sliding window, not a bucket: a bucket that starts full lets twice the limit through in its
    first minute.
    """

    def __init__(self, limit: int | None, seconds: float, clock: Clock) -> None:
        self.limit, self.seconds, self._clock = limit, seconds, clock
        self._taken: deque[Entry] = deque()

    def wait_s(self, amount: int) -> float:
        """Seconds until ``amount`` may be taken."""
        if self.limit is None:
            return 0.0
        now = self._clock()
        while self._taken and self._taken[0].at <= now - self.seconds:
            self._taken.popleft()
        excess = sum(entry.amount for entry in self._taken) + amount - self.limit
        if excess <= 0 or not self._taken:
            return 0.0
        for entry in self._taken:
            excess -= entry.amount
            if excess <= 0:
                return entry.at + self.seconds - now
        return self._taken[-1].at + self.seconds - now

    def take(self, amount: int) -> Entry:
        """Count an amount as taken now."""
        entry = Entry(self._clock(), amount)
        if self.limit is not None:
            self._taken.append(entry)
        return entry


class Limiter:
    """Lets calls through, in their order, as the limits of one server allow.

    Args:
        max_concurrent: calls at once.
        requests_per_minute, tokens_per_minute: None: no limit.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        max_concurrent: int,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._slots = asyncio.Semaphore(max_concurrent)
        self._turn = asyncio.Lock()
        self._requests = Window(requests_per_minute, MINUTE, clock)
        self._tokens = Window(tokens_per_minute, MINUTE, clock)

    @asynccontextmanager
    async def slot(self, num_tokens: int) -> AsyncIterator[Entry]:
        """A place among the calls of this minute; set ``amount`` to the tokens really used."""
        async with self._slots:
            async with self._turn:  # whoever waits for the window keeps its place in the queue
                while wait := max(self._requests.wait_s(1), self._tokens.wait_s(num_tokens)):
                    await asyncio.sleep(wait)
                self._requests.take(1)
                tokens = self._tokens.take(num_tokens)
            yield tokens


class Breaker:
    """Keeps calls away from a server that fails, and lets one through now and then to see.

    Closed after a success; open for ``cooldown_s`` after ``threshold`` failures in a row, twice as
    long after each probe that fails, at most ``max_cooldown_s``.
    """

    def __init__(
        self,
        threshold: int = 8,
        cooldown_s: float = 1.0,
        max_cooldown_s: float = 30.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self.threshold, self.cooldown_s, self.max_cooldown_s = threshold, cooldown_s, max_cooldown_s
        self._clock = clock
        self._failures = 0
        self._pause_s = cooldown_s
        self._open_until = 0.0
        self._probing = False

    @property
    def is_closed(self) -> bool:
        return self._failures < self.threshold

    def wait_s(self) -> float:
        """Seconds until a call may try: 0 now, or a positive number to ask again after."""
        if self.is_closed:
            return 0.0
        if self._probing:
            return self.cooldown_s
        return max(0.0, self._open_until - self._clock())

    def begin(self) -> bool:
        """A call goes out; True: it is the one that sees whether the server is back."""
        is_probe = not self.is_closed
        self._probing = self._probing or is_probe
        return is_probe

    def succeed(self) -> None:
        """The server answered, if only to say no."""
        self._failures, self._pause_s = 0, self.cooldown_s

    def fail(self, is_probe: bool) -> None:
        """The server did not answer, or not with sense."""
        self._failures += 1
        if is_probe:
            self._pause_s = min(2 * self._pause_s, self.max_cooldown_s)
        elif self._failures != self.threshold:  # others that were out when it opened
            return
        self._open_until = self._clock() + self._pause_s

    def end(self, is_probe: bool) -> None:
        """The call is over; if nothing is known of it, another one may try."""
        if is_probe:
            self._probing = False
