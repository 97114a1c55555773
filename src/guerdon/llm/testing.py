"""ScriptedServer: a model server whose words are a Python function, and whose faults you choose.

    def judge(ask: Ask) -> str:
        return "Score: 7" if "Paris" in ask.text else "Score: 1"

    async with ScriptedServer(judge, faults=random_faults({"error": 0.3}, seed=1)) as server:
        engine = RemoteEngine("scripted", base_url=server.url, price="free")

It listens on loopback only, on a free port, in a thread of its own. A token is a word here: usage,
``max_tokens`` and truncation count words.
"""

from __future__ import annotations

import asyncio
import inspect
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Literal

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from guerdon.llm.answers import Answer
from guerdon.llm.asks import Ask, Rejected
from guerdon.llm.server import BackgroundServer
from guerdon.llm.wire import build_app

Fault = Literal["error", "rate_limit", "garbage", "truncate", "refuse", "hang", "drop"]
"""HTTP 500; HTTP 429 with Retry-After; a body that is no JSON; a reply cut in half; a refusal; no
answer at all; a connection closed in the middle of the answer."""

Script = Callable[[Ask], str | Answer | Awaitable[str | Answer]]
Faults = Callable[[int], Fault | None]

_HANG_S = 3600.0


def random_faults(shares: Mapping[Fault, float], seed: int = 0) -> Faults:
    """Faults that hit such shares of the calls; which ones depends on the call's number only."""
    kinds = list(shares)

    def fault(number: int) -> Fault | None:
        drawn = random.Random(f"{seed}/{number}").random()
        for kind in kinds:
            drawn -= shares[kind]
            if drawn < 0:
                return kind
        return None

    return fault


class ScriptedServer:
    """An OpenAI-compatible server for tests, as a context manager, plain or async.

    Args:
        script: what to answer to a request.
        model: the name requests must use.
        latency_s: how long each answer takes.
        faults: what goes wrong with call number 0, 1, ...
        outage: connections are dropped from so many seconds after the first call until so many.
        retry_after_s: what a ``rate_limit`` fault asks for.
        api_key: the bearer token requests must bring.
        port: 0: any free one; a fixed one can be stopped and started again.
        remember: keep the requests in ``asked``; False for servers that answer for hours.

    Attributes:
        num_calls: calls so far, faulty ones included.
        asked: the requests, in the order they came.
        hits: how often each fault struck; ``outage`` counts there, too.
        max_in_flight: the most calls that were under way at once.
        is_down: set it to drop every connection.
    """

    def __init__(
        self,
        script: Script,
        *,
        model: str = "scripted",
        latency_s: float = 0.0,
        faults: Faults | None = None,
        outage: tuple[float, float] | None = None,
        retry_after_s: float = 0.0,
        api_key: str | None = None,
        port: int = 0,
        remember: bool = True,
    ) -> None:
        self.script, self.model, self.latency_s = script, model, latency_s
        self.faults, self.outage, self.retry_after_s = faults, outage, retry_after_s
        self.num_calls = self.max_in_flight = 0
        self.asked: list[Ask] = []
        self.hits: Counter[str] = Counter()
        self.is_down = False
        self._remember = remember
        self._in_flight = 0
        self._first_at: float | None = None
        app = build_app(self._answer, model, api_key=api_key, allows_schema=True)
        self._server = BackgroundServer(app, port=port, grace_s=0.0)
        self.url, self.port = self._server.url, self._server.port

    def __enter__(self) -> ScriptedServer:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    async def __aenter__(self) -> ScriptedServer:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._server.stop)

    async def _answer(self, ask: Ask) -> Answer | Response:
        number = self.num_calls
        self.num_calls += 1
        if self._remember:
            self.asked.append(ask)
        self._in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            await asyncio.sleep(self.latency_s)
            if self._is_out():
                self.hits["outage"] += 1
                return _Dropped()
            fault = self.faults(number) if self.faults else None
            if fault is not None:
                self.hits[fault] += 1
            return await self._with_fault(ask, fault)
        finally:
            self._in_flight -= 1

    def _is_out(self) -> bool:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
        start, end = self.outage or (0.0, 0.0)
        return self.is_down or start <= now - self._first_at < end

    async def _with_fault(self, ask: Ask, fault: Fault | None) -> Answer | Response:
        match fault:
            case "error":
                raise Rejected(500, "injected error")
            case "rate_limit":
                headers = {"Retry-After": f"{self.retry_after_s:g}"}
                raise Rejected(429, "injected rate limit", "rate_limit_exceeded", headers)
            case "garbage":
                return PlainTextResponse('{"choices": [{"mess')
            case "hang":
                await asyncio.sleep(_HANG_S)
            case "drop":
                return _Dropped()
        answer = self.script(ask)
        found = await answer if inspect.isawaitable(answer) else answer
        whole = Answer(found) if isinstance(found, str) else found
        if fault == "refuse":
            whole = replace(whole, text="", refusal="I cannot help with that.")
        return _in_words(ask, whole, cut=fault == "truncate")


class _Dropped(Response):
    """A connection that closes before the answer is complete."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


def _in_words(ask: Ask, answer: Answer, *, cut: bool) -> Answer:
    """The answer with its words counted, and no longer than allowed."""
    words = re.findall(r"\s*\S+\s*$|\s*\S+", answer.text)
    limit = min(ask.sampling.max_tokens, len(words) // 2 if cut else len(words))
    if cut or limit < len(words):
        answer = replace(answer, text="".join(words[:limit]), finish_reason="length")
    texts = [message["content"] for message in ask.messages]
    given = len(ask.prompt) if isinstance(ask.prompt, tuple) else len(ask.prompt.split())
    return replace(
        answer,
        tokens_in=answer.tokens_in or given + sum(len(text.split()) for text in texts),
        tokens_out=answer.tokens_out or limit,
    )
