"""What a server can answer: a reply with its outcome, or one of the ways a call fails.

Outcomes are never mixed up: ``ok``, ``truncated`` (cut by the token limit or the context) and
``refused`` are answers; everything else is a `CallFailed` that says whether trying again may help
and whether the call may have been billed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["ok", "truncated", "refused"]


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

    def dump(self) -> str:
        """As JSON, for the cache."""
        kept = {"text": self.text, "outcome": self.outcome, "usage": asdict(self.usage)}
        return json.dumps(kept, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Reply:
        """A reply from the cache."""
        kept = json.loads(text)
        return cls(kept["text"], kept["outcome"], Usage(**kept["usage"]), is_cached=True)


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


def read_reply(payload: Any) -> Reply:
    """The reply in a response of ``/chat/completions`` or ``/completions``.

    Raises:
        CallFailed: the body is not what the protocol says; it may have been billed.
    """
    try:
        choice = payload["choices"][0]
        message = choice.get("message") or {}
        refusal = message.get("refusal")
        text = choice["text"] if "text" in choice else message.get("content") or ""
        reason = choice.get("finish_reason")
        usage = _usage(payload.get("usage") or {})
        stop = choice.get("stop_reason")
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise garbled(f"no {error} in it" if isinstance(error, KeyError) else str(error)) from None
    if not isinstance(text, str) or reason is None:
        raise garbled("no text or no finish_reason in it")
    if refusal or reason == "content_filter":
        return Reply(refusal if isinstance(refusal, str) else text, "refused", usage)
    if reason == "length":
        return Reply(text, "truncated", usage)
    # a stop string is part of a reply here; the protocol leaves it out, some servers name it
    return Reply(text + stop if isinstance(stop, str) else text, "ok", usage)


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
