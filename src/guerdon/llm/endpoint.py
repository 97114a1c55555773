"""Endpoint: one server that speaks OpenAI's protocol, with its key, its limits and its health."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai

from guerdon.config.secrets import REDACTED
from guerdon.errors import ConfigError
from guerdon.llm.limits import Breaker, Limiter
from guerdon.llm.reply import CallFailed, Reply, Usage, add_logprobs, garbled, read_reply

Kind = Literal["chat", "completion"]

OPENAI_URL = "https://api.openai.com/v1"

_OPENAI_HOST = "api.openai.com"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_RETRYABLE = (408, 429)
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_MAX_MESSAGE = 300
_AT_ONCE = 8
"""Calls made ready in one turn of the event loop, so that the first of many is under way, and its
answer, before the last is made."""
_TOO_LONG = (
    "context_length_exceeded",
    "maximum context length",
    "max_tokens must be at least 1, got 0",  # vLLM's, of a prompt that fills the context
)
_FILTERED = ("content_filter", "content_policy_violation")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server is and what it allows.

    Args:
        base_url: up to and without ``/chat/completions``, usually ending in ``/v1``.
        api_key_env: the environment variable that holds the key; None: the server wants none.
        max_concurrent: calls at once.
        requests_per_minute: None: no limit.
        tokens_per_minute: prompt and reply together; None: no limit.
    """

    base_url: str = OPENAI_URL
    api_key_env: str | None = None
    max_concurrent: int = 64
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    def problems(self) -> list[str]:
        """What is wrong with it, before anything is sent."""
        url, lines = urlsplit(self.base_url), []
        if url.scheme not in ("http", "https") or not url.hostname:
            lines.append(f"base_url: must be an http(s) address, got {url.scheme}://{url.hostname}")
        if url.username or url.password:
            lines.append("base_url: must not hold a password; use api_key_env")
        if self.api_key_env and not os.environ.get(self.api_key_env):
            lines.append(
                f"api_key_env: the environment variable {self.api_key_env} is not set; "
                f"export it, or set api_key_env=null for a server without a key"
            )
        for name in ("max_concurrent", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and value < 1:
                lines.append(f"{name}: must be at least 1, got {value}")
        return lines


class Endpoint:
    """Sends single attempts to one server. Belongs to one event loop.

    Args:
        address: where and how much.
        timeout_s: for a whole attempt, the last byte included.
        breaker: keeps calls away while the server is down.
    """

    def __init__(self, address: Address, timeout_s: float, breaker: Breaker) -> None:
        if problems := address.problems():
            raise ConfigError(problems)
        self.host, self.timeout_s, self.breaker = address.host, timeout_s, breaker
        self.limiter = Limiter(
            address.max_concurrent, address.requests_per_minute, address.tokens_per_minute
        )
        self.num_calls = 0
        """Calls under way or waiting for a slot here."""
        self.last_failure = ""
        self._key = os.environ.get(address.api_key_env or "", "")
        self._client = self._connect(address.base_url)
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def send(self, kind: Kind, body: Mapping[str, Any]) -> Reply:
        """One attempt.

        Raises:
            CallFailed: it brought no answer.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(kind, body)
        except TimeoutError:
            why = f"no answer within {self.timeout_s:g} s"
            raise CallFailed(why, retryable=True, may_be_billed=True) from None
        except openai.APIStatusError as error:
            return self._rejected(error)
        except (openai.APIConnectionError, aiohttp.ClientError) as error:
            raise self._unreachable(error) from None

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    def _connect(self, base_url: str) -> openai.AsyncOpenAI:
        client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=self._key or "none",  # without one openai would look for another
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=self.timeout_s / 2),  # the whole has its own
            http_client=openai.DefaultAioHttpClient(  # two thirds of the other one's time
                follow_redirects=False,
                trust_env=self.host not in _LOOPBACK,  # no proxy leads to this machine
                verify=_certificates(),
            ),
        )
        if self.host != _OPENAI_HOST:  # openai read these from the environment, for its own host
            client.organization = client.project = None
        return client

    async def _exchange(self, kind: Kind, body: Mapping[str, Any]) -> Reply:
        path = "/chat/completions" if kind == "chat" else "/completions"
        if body.get("stream"):
            return await self._stream(path, body)
        response = await self._post(path, body)
        try:
            payload = json.loads(response.content)
        except ValueError:
            raise garbled("it is not JSON") from None
        return read_reply(payload, body)

    async def _post(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        await self._gate.acquire()
        asyncio.get_running_loop().call_soon(self._gate.release)
        return await self._client.post(path, body=dict(body), cast_to=httpx2.Response)

    async def _stream(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Read a reply piece by piece, and put it together as if it had come at once."""
        body = {**body, "stream_options": {"include_usage": True}}
        whole: dict[str, Any] = {"choices": [{}]}
        text: list[str] = []
        refusal: list[str] = []
        response = await self._post(path, body)
        for line in response.text.splitlines():
            if not line.startswith("data:") or (data := line[5:].strip()) == "[DONE]":
                continue
            try:
                piece = json.loads(data)
                if "error" in piece:
                    why = f"the server failed while it answered: {self._clean(piece['error'])}"
                    raise CallFailed(why, retryable=True, may_be_billed=True)
                _add_piece(whole, text, refusal, piece)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError):
                raise garbled("a piece of the stream makes no sense") from None
        whole["choices"][0]["message"] = {
            "content": "".join(text),
            "refusal": "".join(refusal) or None,
        }
        return read_reply(whole, body)

    # --- what went wrong --------------------------------------------------------------------------

    def _rejected(self, error: openai.APIStatusError) -> Reply:
        """An answer that came as an error, or the failure."""
        status = error.status_code
        message = self._clean(error.message).removeprefix(f"Error code: {status} - ")
        if status == 400:
            signs = f"{error.code} {message}"
            if any(sign in signs for sign in _TOO_LONG):
                return Reply("", "truncated", Usage(0, 0))
            if any(sign in signs for sign in _FILTERED):
                return Reply(message, "refused", Usage(0, 0))
        raise CallFailed(
            f"HTTP {status}: {message}",
            retryable=status in _RETRYABLE or status >= 500,
            retry_after_s=_retry_after(error.response.headers),
            blames_server=status >= 500,
        ) from None

    def _unreachable(self, error: BaseException) -> CallFailed:
        while error.__cause__ and not isinstance(error, aiohttp.ClientError):
            error = error.__cause__  # what it is called above takes some kinds for another
        why = f"{type(error).__name__}: {error}".replace(" ssl:default", "")
        sent = not isinstance(error, _NOT_SENT)
        return CallFailed(self._clean(why), retryable=True, may_be_billed=sent)

    def _clean(self, message: object) -> str:
        """A server's words, short, on one line, and without the key should it echo it."""
        text = " ".join(str(message).split())
        return (text.replace(self._key, REDACTED) if self._key else text)[:_MAX_MESSAGE]


@lru_cache(1)
def _certificates() -> ssl.SSLContext:
    """Whom to trust; reading it takes longer than a call, so all connections share it."""
    return httpx2.create_ssl_context()


def _add_piece(whole: dict[str, Any], text: list[str], refusal: list[str], piece: Any) -> None:
    """Add one piece of a stream to what is there of the reply."""
    whole["usage"] = piece.get("usage") or whole.get("usage")
    for choice in piece["choices"][:1]:
        delta = choice.get("delta") or {"content": choice.get("text")}
        text.append(delta.get("content") or "")
        refusal.append(delta.get("refusal") or "")
        add_logprobs(whole["choices"][0], choice.get("logprobs"))
        for name in ("finish_reason", "stop_reason"):
            if choice.get(name) is not None:
                whole["choices"][0][name] = choice[name]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait, from either spelling of the header."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:  # absent, or a date: the ordinary back-off will do
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None
