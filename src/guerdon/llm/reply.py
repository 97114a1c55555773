"""What a server can answer: a reply with its outcome, or one of the ways a call fails.

Outcomes are never mixed up: ``ok``, ``truncated`` (cut by the token limit or the context) and
``refused`` are answers; everything else is a `CallFailed` that says whether trying again may help
and whether the call may have been billed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from guerdon.types import Place

Outcome = Literal["ok", "truncated", "refused"]

_CUT = ("length", "repetition")
_BROKEN_OFF = ("abort", "error")
"""vLLM's and SGLang's words for a reply that ended because the server stopped or failed."""
_ALMOST_0 = 0.01
"""What rounding may make of the log-probability of a sure token."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None where it does not say."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    cached_in: int = 0
    """Prompt tokens the server had in its own cache."""

    @property
    def is_known(self) -> bool:
        return self.tokens_in is not None and self.tokens_out is not None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered."""

    text: str
    outcome: Outcome = "ok"
    usage: Usage = field(default_factory=Usage)
    is_cached: bool = False
    """Whether it comes from our cache, so that nothing was sent."""
    places: tuple[Place, ...] = ()
    """Of each token, if log-probabilities were asked for."""

    def dump(self) -> str:
        """As JSON, for the cache."""
        kept: dict[str, Any] = {"text": self.text, "outcome": self.outcome}
        kept["usage"] = asdict(self.usage)
        if self.places:
            kept["places"] = [(place.text, place.likeliest) for place in self.places]
        return json.dumps(kept, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Reply:
        """A reply from the cache."""
        kept = json.loads(text)
        places = tuple(
            Place(token, tuple((other, logprob) for other, logprob in likeliest))
            for token, likeliest in kept.get("places", ())
        )
        usage = Usage(**kept["usage"])
        return cls(kept["text"], kept["outcome"], usage, is_cached=True, places=places)


class CallFailed(Exception):
    """One attempt that brought no answer.

    Args:
        message: what happened, without secrets.
        retryable: whether the same call may succeed later.
        retry_after_s: how long the server asked to wait.
        may_be_billed: whether the server may have done the work all the same.
        blames_server: whether it speaks against the server's health.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after_s: float | None = None,
        may_be_billed: bool = False,
        blames_server: bool = True,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.may_be_billed = may_be_billed
        self.blames_server = blames_server


def read_reply(payload: Any, asked: Mapping[str, Any] = MappingProxyType({})) -> Reply:
    """The reply in a response of ``/chat/completions`` or ``/completions``.

    Args:
        asked: the body of the request: log-probabilities it asks for must be there.

    Raises:
        CallFailed: the body is not what the protocol says, or not what was asked for; it may have
            been billed.
    """
    try:
        choice = payload["choices"][0]
        message = choice.get("message") or {}
        refusal = message.get("refusal")
        text = choice["text"] if "text" in choice else message.get("content") or ""
        reason = choice.get("finish_reason")
        usage = _usage(payload.get("usage") or {})
        stop = choice.get("stop_reason")
        places = _places(choice.get("logprobs")) if (needed := _needs_places(asked)) else ()
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise garbled(f"no {error} in it" if isinstance(error, KeyError) else str(error)) from None
    if not isinstance(text, str) or reason is None:
        raise garbled("no text or no finish_reason in it")
    if refusal or reason == "content_filter":
        return Reply(refusal if isinstance(refusal, str) else text, "refused", usage)
    if reason in _BROKEN_OFF:
        raise CallFailed(
            f"the server broke the reply off (finish_reason {reason!r})",
            retryable=True,
            may_be_billed=True,
        )
    if needed and text and not places:
        raise CallFailed(
            "the server sent no log-probabilities of the likeliest tokens (top_logprobs), which "
            "were asked for; ask a server or model that gives them",
            may_be_billed=True,
            blames_server=False,
        )
    if reason in _CUT:
        return Reply(text, "truncated", usage, places=places)
    # a stop string is part of a reply here; the protocol leaves it out, some servers name it
    return Reply(text + stop if isinstance(stop, str) else text, "ok", usage, places=places)


def add_logprobs(choice: dict[str, Any], piece: Any) -> None:
    """Add the ``logprobs`` of one piece of a stream to those of a choice."""
    whole = choice.setdefault("logprobs", {})
    for name, entries in (piece or {}).items():
        if isinstance(entries, list):
            whole.setdefault(name, []).extend(entries)


def _needs_places(asked: Mapping[str, Any]) -> bool:
    """Whether a request asks for the likeliest tokens; of a raw completion, ``logprobs`` does."""
    return bool(asked.get("top_logprobs") or ("prompt" in asked and asked.get("logprobs")))


def _places(given: Any) -> tuple[Place, ...]:
    """The ``logprobs`` of a choice, as chats or as raw completions have them; () if the likeliest
    tokens are not among them."""
    if not given:
        return ()
    if "tokens" in given:
        if not given.get("top_logprobs"):
            return ()
        pairs = zip(given["tokens"], given["top_logprobs"], strict=True)
        return tuple(Place(_text(token), _likeliest((best or {}).items())) for token, best in pairs)
    places = [
        Place(
            _text(entry["token"]),
            _likeliest((one["token"], one["logprob"]) for one in entry.get("top_logprobs") or ()),
        )
        for entry in given.get("content") or ()
    ]
    return tuple(places) if any(place.likeliest for place in places) else ()


def _likeliest(pairs: Iterable[tuple[Any, Any]]) -> tuple[tuple[str, float], ...]:
    return tuple((_text(token), _logprob(value)) for token, value in pairs)


def _text(token: Any) -> str:
    if not isinstance(token, str):
        raise ValueError(f"the token {token!r} is no text")
    return token


def _logprob(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value <= _ALMOST_0:
        raise ValueError(f"{value!r} is no log-probability")
    return min(float(value), 0.0)


def garbled(why: str) -> CallFailed:
    """The failure of a response that does not follow the protocol."""
    return CallFailed(
        f"the response does not follow the protocol: {why}", retryable=True, may_be_billed=True
    )


def _usage(given: Mapping[str, Any]) -> Usage:
    details = given.get("prompt_tokens_details") or {}
    sent, made = given.get("prompt_tokens"), given.get("completion_tokens", 0)
    if not isinstance(sent, int) or not isinstance(made, int) or min(sent, made) < 0:
        return Usage()
    return Usage(sent, made, max(0, min(details.get("cached_tokens") or 0, sent)))
