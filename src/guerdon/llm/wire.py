"""The server's side of OpenAI's protocol, for whoever answers.

`guerdon serve` answers from an engine, `testing.ScriptedServer` from a Python function; both speak
through this file, so what is tested with one holds for the other.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from guerdon.llm.answers import Answer, stream, whole
from guerdon.llm.asks import Ask, Rejected, understand

Answering = Callable[[Ask], Awaitable[Answer | Response]]
"""A `Response` is sent as it is."""


def build_app(
    answer: Answering,
    model: str,
    *,
    api_key: str | None = None,
    max_tokens: int = 1024,
    allows_schema: bool = False,
) -> Starlette:
    """The web application that serves one model.

    Args:
        answer: called once for each valid request; cancelled when whoever asked is gone.
        model: the name requests must use.
        api_key: a bearer token requests must bring; None: none.
        max_tokens: for requests that do not say.
        allows_schema: whether ``answer`` follows ``response_format``.
    """

    async def complete(request: Request) -> Response:
        try:
            _authorize(request, api_key)
            body = await _body(request, model)
            is_chat = request.url.path.endswith("/chat/completions")
            ask = understand(body, is_chat, max_tokens, allows_schema=allows_schema)
            found = await _unless_gone(request, answer(ask))
        except Rejected as error:
            return _error(error)
        if isinstance(found, Response):
            return found
        if not body.get("stream"):
            return JSONResponse(whole(found, body, model, is_chat))
        events = stream(found, body, model, is_chat)
        return StreamingResponse(events, media_type="text/event-stream")

    async def models(request: Request) -> Response:
        try:
            _authorize(request, api_key)
        except Rejected as error:
            return _error(error)
        entry = {"id": model, "object": "model", "created": 0, "owned_by": "guerdon"}
        return JSONResponse({"object": "list", "data": [entry]})

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "model": model})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/completions", complete, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
        ]
    )


def _authorize(request: Request, api_key: str | None) -> None:
    given = request.headers.get("authorization", "")
    if api_key and not hmac.compare_digest(given.encode(), f"Bearer {api_key}".encode()):
        raise Rejected(401, "the bearer token is missing or wrong", "invalid_api_key")


async def _body(request: Request, model: str) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise Rejected(400, f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Rejected(400, "the body is not a JSON object")
    if body.get("model") != model:
        raise Rejected(
            404, f"no model {body.get('model')!r} here, only {model!r}", "model_not_found"
        )
    return body


async def _unless_gone(
    request: Request, answering: Awaitable[Answer | Response]
) -> Answer | Response:
    """The answer; stops working on it when whoever asked hangs up."""
    work = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Rejected(499, "the client closed the connection")
        return work.result()
    finally:
        work.cancel()
        gone.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _error(error: Rejected) -> Response:
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    content = {"message": error.message, "type": kind, "code": error.code, "param": None}
    return JSONResponse({"error": content}, error.status, error.headers)
