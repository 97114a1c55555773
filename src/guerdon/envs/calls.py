"""Calling a game: wait for it where need be, in a thread where asked, and never die with it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from numbers import Real
from typing import Any
from weakref import WeakKeyDictionary

from guerdon.envs.game import Info, Step
from guerdon.errors import EnvError, GuerdonError
from guerdon.types import Metrics


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Calls methods of games; whatever they raise, and a time-out, is an ``EnvError``.

    Args:
        timeout_s: for each call; None: as long as it takes. Only a coroutine or a call in a thread
            can be given up.
        threads: how many calls may run beside the event loop at once; 0: in the loop itself.
    """

    timeout_s: float | None = None
    threads: int = 0
    _gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )

    async def __call__(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """What the method returns, awaited if it is a coroutine.

        Raises:
            EnvError: the method raised, or took too long.
        """
        try:
            if self.timeout_s is None and not self.threads:
                result = method(*arguments)
                return await result if isinstance(result, Awaitable) else result
            return await self._beside(method, arguments)
        except GuerdonError:
            raise
        except (Exception, SystemExit) as error:  # anybody's code: its crash is an episode's
            raise _crash(method, error) from error

    async def _beside(self, method: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call with a time-out, in a thread where asked."""
        deadline = asyncio.timeout(self.timeout_s)
        try:
            async with deadline:
                if self.threads and not inspect.iscoroutinefunction(method):
                    async with self._gate():
                        result, error = await _in_thread(method, arguments)
                    if isinstance(error, GuerdonError):
                        raise error
                    if error is not None:
                        raise _crash(method, error) from error
                else:
                    result = method(*arguments)
                return await result if isinstance(result, Awaitable) else result
        except TimeoutError as error:
            if not deadline.expired():
                raise
            late = f"{method.__qualname__} took longer than timeout_s={self.timeout_s:g}"
            raise EnvError(late) from error

    async def reset(self, game: Any, *arguments: Any) -> tuple[str, Info]:
        """Call ``game.reset``.

        Raises:
            EnvError: it raised, took too long or broke its contract.
        """
        result = await self(game.reset, *arguments)
        _check_parts(game.reset, result, 2)
        _check_info(game.reset, result[1])
        return result

    async def step(self, game: Any, action: str) -> Step:
        """Call ``game.step``.

        Raises:
            EnvError: it raised, took too long or broke its contract.
        """
        result = await self(game.step, action)
        _check_parts(game.step, result, 5)
        observation, reward, terminated, truncated, info = result
        if not (type(reward) is float or isinstance(reward, Real)) or not isfinite(reward):
            raise EnvError(f"{game.step.__qualname__} gave the reward {reward!r:.50}")
        _check_info(game.step, info)
        return observation, float(reward), bool(terminated), bool(truncated), info

    def _gate(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        return self._gates.setdefault(loop, asyncio.Semaphore(self.threads))


def numbers(info: Info) -> Metrics:
    """What of a game's info is a finite number."""
    found = {}
    for name, value in info.items():
        if type(value) is not float:  # numpy's bool is no number before it is Python's
            value = (
                value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
            )
            if not isinstance(value, Real):
                continue
        if isfinite(value):
            found[name] = float(value)
    return found


def _crash(method: Callable[..., Any], error: BaseException) -> EnvError:
    return EnvError(f"{method.__qualname__} raised {type(error).__name__}: {error}")


def _check_parts(method: Callable[..., Any], result: Any, parts: int) -> None:
    if not isinstance(result, tuple) or len(result) != parts or not isinstance(result[0], str):
        raise EnvError(
            f"{method.__qualname__} must return {parts} values beginning with the observation as"
            f" text, not {result!r:.200}"
        )


def _check_info(method: Callable[..., Any], info: Any) -> None:
    if not isinstance(info, Mapping):
        raise EnvError(f"{method.__qualname__} must return a dict of info, not {info!r:.50}")


async def _in_thread(
    method: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[Any, BaseException | None]:
    """The result or the exception of a call in a thread of its own.

    Not a thread pool: its threads are waited for when the process ends, and one that hangs is lost
    to it; here a call that was given up holds nobody back.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((result, error))

    def run() -> None:
        result, error = None, None
        try:
            result = method(*arguments)
        except BaseException as caught:  # it belongs to whoever waits, not to this thread
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="guerdon-game", daemon=True).start()
    return await done
