"""Sessions: many episodes of one game at once, for whoever asks over the network.

The server's side of `remote.RemoteEnv`; docs/environments.md describes the protocol.
"""

from __future__ import annotations

import asyncio
import copy
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from guerdon.envs.calls import Calls, numbers
from guerdon.envs.game import Game, actions_of, offers, snapshot_of, tools_of
from guerdon.errors import EnvError, GuerdonError
from guerdon.types import Task

Reply = dict[str, Any]


class NoSession(GuerdonError):
    """There is no such session: it was never begun, was closed, or was idle for too long."""


class OutOfOrder(GuerdonError):
    """A step is neither the next one nor the last one again."""


@dataclass
class _Session:
    game: Any
    last_used: float
    number: int = 0
    reply: Reply = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions:
    """Plays copies of a game.

    A step that was carried out but whose answer was lost may be asked for again by the same number:
    the answer is given again, the game does not move.

    Args:
        game: a prototype.
        calls: how it is called; with ``threads``, several sessions may be at work at once.
        idle_s: a session unused for so long is closed.
        max_sessions: at once; a reset beyond is refused.
        clock: seconds that only go up.
    """

    def __init__(
        self,
        game: Game,
        calls: Calls,
        *,
        idle_s: float = 3600.0,
        max_sessions: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.game, self._calls = game, calls
        self._idle_s, self._max_sessions, self._clock = idle_s, max_sessions, clock
        self._sessions: dict[str, _Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def describe(self) -> Reply:
        """What the game offers."""
        game: Any = self.game
        return {
            "game": type(game).__name__,
            "actions": list(actions_of(game)),
            "instruction": getattr(game, "instruction", ""),
            "legend": dict(getattr(game, "legend", None) or {}),
            "tools": tools_of(game),
            "sessions": len(self),
        }

    async def reset(self, name: str | None, task: Task, seed: int) -> Reply:
        """Begin a task, in a new session or again in one that is there.

        Raises:
            EnvError: the game failed; the session is closed. Or there are too many sessions.
        """
        await self.sweep()
        name = name or uuid4().hex
        session = self._sessions.get(name)
        if session is None:
            if len(self) >= self._max_sessions:
                raise EnvError(f"the server has {len(self)} sessions, its largest number")
            session = _Session(copy.deepcopy(self.game), self._clock())
            self._sessions[name] = session
        async with session.lock:
            try:
                observation, info = await self._calls.reset(session.game, task, seed)
                session.number = 0
                session.reply = await self._reply(session, observation, info)
            except EnvError:
                await self.close(name)
                raise
            session.last_used = self._clock()
            return {"session": name, **session.reply}

    async def step(self, name: str, action: str, number: int) -> Reply:
        """Act.

        Args:
            name: the session.
            action: what to do.
            number: 1 for the first step since the reset, 2 for the next ...

        Raises:
            NoSession, OutOfOrder: see there.
            EnvError: the game failed; the session is closed.
        """
        session = self._find(name)
        async with session.lock:
            session.last_used = self._clock()
            if number == session.number and number > 0:
                return session.reply
            if number != session.number + 1:
                raise OutOfOrder(f"step {number} after step {session.number}")
            try:
                reply = await self._act(session, action)
            except EnvError:
                await self.close(name)
                raise
            session.number, session.reply = number, reply
            session.last_used = self._clock()
            return reply

    async def ask(self, name: str, what: str, seed: int = 0) -> str | None:
        """The ``oracle``'s action, or a random ``sample``.

        Raises:
            NoSession: see there.
            EnvError: the game has no such method, or it failed.
        """
        session = self._find(name)
        if what not in ("oracle", "sample") or not offers(session.game, what):
            raise EnvError(f"{type(self.game).__name__} has no {what!r:.40}")
        arguments = (random.Random(seed),) if what == "sample" else ()
        async with session.lock:
            found = await self._calls(getattr(session.game, what), *arguments)
        return None if found is None else str(found)

    async def snapshot(self, name: str) -> str:
        """A new session that goes on from where this one is.

        Raises:
            NoSession: see there.
            EnvError: the game cannot be copied.
        """
        session = self._find(name)
        async with session.lock:
            game = await self._calls(snapshot_of, session.game)
        copied = uuid4().hex
        self._sessions[copied] = _Session(game, self._clock(), session.number, session.reply)
        return copied

    async def close(self, name: str) -> None:
        """End a session; harmless where there is none."""
        session = self._sessions.pop(name, None)
        if session is not None and offers(session.game, "close"):
            with suppress(EnvError):
                await self._calls(session.game.close)

    async def sweep(self) -> None:
        """Close what was idle for too long."""
        now = self._clock()
        for name, session in list(self._sessions.items()):
            if now - session.last_used > self._idle_s and not session.lock.locked():
                await self.close(name)

    def _find(self, name: str) -> _Session:
        if name not in self._sessions:
            raise NoSession(
                f"no session {name!r:.60}: it was closed, or idle for more than {self._idle_s:g} s"
            )
        return self._sessions[name]

    async def _act(self, session: _Session, action: str) -> Reply:
        if offers(session.game, "read") and not actions_of(session.game):
            read = await self._calls(session.game.read, action)
            if read is None:  # as if nothing had been said
                return {**session.reply, "reward": 0.0, "is_invalid": True}
            action = read
        step = await self._calls.step(session.game, action)
        observation, reward, terminated, truncated, info = step
        reply = await self._reply(session, observation, info)
        return reply | {"reward": reward, "terminated": terminated, "truncated": truncated}

    async def _reply(self, session: _Session, observation: str, info: Any) -> Reply:
        game = session.game
        anchor = await self._calls(game.anchor) if offers(game, "anchor") else None
        return {
            "observation": observation,
            "reward": 0.0,
            "terminated": False,
            "truncated": False,
            "is_invalid": False,
            "info": numbers(info),
            "anchor": None if anchor is None else str(anchor),
            "actions": list(actions_of(game)),
        }
