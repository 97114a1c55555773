"""Answers in the words of OpenAI's protocol: whole, or as a stream of events."""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.llm.asks import wants_logprobs

_LEAST = -9999.0
"""Log-probability of a token that has no probability, which JSON has no number for."""


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
    likeliest: tuple[tuple[tuple[str, float], ...], ...] = ()
    """For each piece, tokens that could have stood there and their log-probs; () if unknown."""
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
    wanted = wants_logprobs(body) and (answer.logprobs or not answer.text)
    choice: dict[str, Any] = {"index": 0, "finish_reason": answer.finish_reason}
    choice["stop_reason"] = answer.stop_reason
    choice["logprobs"] = _logprobs(answer, is_chat) if wanted else None
    if is_chat:
        content = None if answer.refusal is not None else answer.text
        message = {"role": "assistant", "content": content, "refusal": answer.refusal}
        return choice | {"message": message}
    return choice | {"text": answer.text}


def _logprobs(answer: Answer, is_chat: bool) -> dict[str, Any]:
    likeliest = answer.likeliest or ((),) * len(answer.pieces)
    if is_chat:
        triples = zip(answer.pieces, answer.logprobs, likeliest, strict=True)
        return {"content": [_place(*triple) for triple in triples]}
    offsets, end = [], 0
    for piece in answer.pieces:
        offsets.append(end)
        end += len(piece)
    return {
        "tokens": list(answer.pieces),
        "token_logprobs": list(answer.logprobs),
        "top_logprobs": [_by_text(best) for best in likeliest] if answer.likeliest else None,
        "text_offset": offsets,
    }


def _place(piece: str, logprob: float, likeliest: Iterable[tuple[str, float]]) -> dict[str, Any]:
    best = [_token(text, max(value, _LEAST)) for text, value in likeliest]
    return _token(piece, logprob) | {"top_logprobs": best}


def _token(piece: str, logprob: float) -> dict[str, Any]:
    return {"token": piece, "logprob": logprob, "bytes": list(piece.encode())}


def _by_text(likeliest: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Log-probabilities by text; tokens that read alike share a place and their probabilities add
    up."""
    total: dict[str, float] = {}
    for text, logprob in likeliest:
        total[text] = total.get(text, 0.0) + math.exp(logprob)
    return {text: math.log(p) if p else _LEAST for text, p in total.items()}


def stream(answer: Answer, body: Mapping[str, Any], model: str, is_chat: bool) -> Iterator[str]:
    """The whole answer as a stream of events, one for each token where the tokens are known."""
    shell = _shell(model, is_chat)
    if is_chat:
        shell["object"] = "chat.completion.chunk"
    wanted = wants_logprobs(body)
    pieces = answer.pieces if "".join(answer.pieces) == answer.text else (answer.text,)
    if answer.refusal is not None:
        pieces = ()
        first = {"role": "assistant", "refusal": answer.refusal}
        yield _event(shell | {"choices": [{"index": 0, "delta": first, "finish_reason": None}]})
    for index, piece in enumerate(pieces):
        choice: dict[str, Any] = {"index": 0, "finish_reason": None, "logprobs": None}
        if wanted and index < len(answer.logprobs):
            one = Answer(
                piece,
                pieces=(piece,),
                logprobs=(answer.logprobs[index],),
                likeliest=answer.likeliest[index : index + 1],
            )
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
