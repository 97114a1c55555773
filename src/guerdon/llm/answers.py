"""Answers in the words of OpenAI's protocol: whole, or as a stream of events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Answer:
    """What to send back."""

    text: str
    finish_reason: Literal["stop", "length", "content_filter"] = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    pieces: tuple[str, ...] = ()
    """The text in tokens, with ``logprobs`` for each."""
    logprobs: tuple[float, ...] = ()
    stop_reason: str | None = None
    """The stop string that ended the text; it is not in it."""
    refusal: str | None = None


def whole(answer: Answer, body: Mapping[str, Any], model: str, is_chat: bool) -> dict[str, Any]:
    """The response to a request with this body."""
    choices = [_choice(answer, body, is_chat)]
    return _shell(model, is_chat) | {"choices": choices, "usage": _usage(answer)}


def _shell(model: str, is_chat: bool) -> dict[str, Any]:
    return {
        "id": f"{'chatcmpl' if is_chat else 'cmpl'}-{secrets.token_hex(12)}",
        "object": "chat.completion" if is_chat else "text_completion",
        "created": int(time.time()),
        "model": model,
    }


def _usage(answer: Answer) -> dict[str, int]:
    total = answer.tokens_in + answer.tokens_out
    return {
        "prompt_tokens": answer.tokens_in,
        "completion_tokens": answer.tokens_out,
        "total_tokens": total,
    }


def _choice(answer: Answer, body: Mapping[str, Any], is_chat: bool) -> dict[str, Any]:
    wanted = body.get("logprobs") not in (None, False)
    choice: dict[str, Any] = {"index": 0, "finish_reason": answer.finish_reason}
    choice["stop_reason"] = answer.stop_reason
    choice["logprobs"] = _logprobs(answer, is_chat) if wanted else None
    if is_chat:
        content = None if answer.refusal is not None else answer.text
        message = {"role": "assistant", "content": content, "refusal": answer.refusal}
        return choice | {"message": message}
    return choice | {"text": answer.text}


def _logprobs(answer: Answer, is_chat: bool) -> dict[str, Any]:
    if is_chat:
        return {
            "content": [_token(*pair) for pair in zip(answer.pieces, answer.logprobs, strict=True)]
        }
    offsets, end = [], 0
    for piece in answer.pieces:
        offsets.append(end)
        end += len(piece)
    return {
        "tokens": list(answer.pieces),
        "token_logprobs": list(answer.logprobs),
        "top_logprobs": None,
        "text_offset": offsets,
    }


def _token(piece: str, logprob: float) -> dict[str, Any]:
    return {
        "token": piece,
        "logprob": logprob,
        "bytes": list(piece.encode()),
        "top_logprobs": [],
    }


def stream(answer: Answer, body: Mapping[str, Any], model: str, is_chat: bool) -> Iterator[str]:
    """The whole answer as a stream of events, one for each token where the tokens are known."""
    shell = _shell(model, is_chat)
    if is_chat:
        shell["object"] = "chat.completion.chunk"
    wanted = body.get("logprobs") not in (None, False)
    pieces = answer.pieces if "".join(answer.pieces) == answer.text else (answer.text,)
    if answer.refusal is not None:
        pieces = ()
        first = {"role": "assistant", "refusal": answer.refusal}
        yield _event(shell | {"choices": [{"index": 0, "delta": first, "finish_reason": None}]})
    for index, piece in enumerate(pieces):
        choice: dict[str, Any] = {"index": 0, "finish_reason": None, "logprobs": None}
        if wanted and index < len(answer.logprobs):
            one = Answer(piece, pieces=(piece,), logprobs=(answer.logprobs[index],))
            choice["logprobs"] = _logprobs(one, is_chat)
        delta = {"role": "assistant", "content": piece} if index == 0 else {"content": piece}
        choice |= {"delta": delta} if is_chat else {"text": piece}
        yield _event(shell | {"choices": [choice]})
    last: dict[str, Any] = {"index": 0, "finish_reason": answer.finish_reason}
    last["stop_reason"] = answer.stop_reason
    last["delta" if is_chat else "text"] = {} if is_chat else ""
    yield _event(shell | {"choices": [last]})
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _event(shell | {"choices": [], "usage": _usage(answer)})
    yield "data: [DONE]\n\n"


def _event(piece: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(piece)}\n\n"
