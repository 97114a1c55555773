"""Ctrl-C and SIGTERM: the first stops the run where it can be saved, the second at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The user asked to stop; what was going on was cancelled."""


class Interrupt:
    """Turns the first signal into `Interrupted`, the second into KeyboardInterrupt."""

    def __init__(self) -> None:
        self.requested = False
        self._task: asyncio.Task[Any] | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals inside this block (in the main thread; elsewhere none arrive)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        previous = [signal.signal(number, self._on_signal) for number in signals]
        try:
            yield
        finally:
            for number, handler in zip(signals, previous, strict=True):
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``; a signal meanwhile cancels it where it waits.

        An update of weights waits for nothing, so it is always finished: if it was the end of
        ``work``, the result is returned and ``requested`` tells.
        """
        if self.requested:
            work.close()
            raise Interrupted
        self._task = asyncio.ensure_future(work)
        try:
            return await self._task
        except asyncio.CancelledError:
            if self.requested:
                raise Interrupted from None
            raise
        finally:
            self._task = None
