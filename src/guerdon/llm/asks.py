"""What a request of OpenAI's protocol asks for.

A field that would change the answer and is not supported is an error, never ignored.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from guerdon.types import Message, Sampling

_ROLES = {"system": "system", "developer": "system", "user": "user", "tool": "tool"}
_ROLES |= {"assistant": "assistant"}
MAX_TOP_LOGPROBS = 20
"""What OpenAI's chats allow."""

_UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "echo": (None, False),
    "suffix": (None, ""),
    "tools": (None, []),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "presence_penalty": (None, 0),
    "frequency_penalty": (None, 0),
}
"""Fields that would change the answer -> the values that do not."""


@dataclass(frozen=True)
class Ask:
    """A request, understood."""

    messages: tuple[Message, ...]
    """Empty for a raw completion."""
    prompt: str | tuple[int, ...]
    """Of a raw completion; empty for a chat."""
    sampling: Sampling
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The last message, or the raw prompt: what most scripts look at."""
        if self.messages:
            return self.messages[-1]["content"]
        return self.prompt if isinstance(self.prompt, str) else ""


class Rejected(Exception):
    """The request gets an error for an answer."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.headers = dict(headers or {})


def understand(
    body: Mapping[str, Any], is_chat: bool, max_tokens: int, *, allows_schema: bool = False
) -> Ask:
    """The request in a body.

    Args:
        max_tokens: for requests that do not say.
        allows_schema: whether ``response_format`` is followed.

    Raises:
        Rejected: it is malformed, or asks for what is not supported.
    """
    for name, harmless in _UNSUPPORTED.items():
        if body.get(name) not in harmless:
            raise Rejected(400, f"{name} is not supported, got {body[name]!r}")
    if not allows_schema and body.get("response_format") not in (None, {"type": "text"}):
        raise Rejected(400, "response_format is not supported; ask for a tag and read it")
    sampling = replace(_sampling(body, max_tokens), top_logprobs=_top_logprobs(body, is_chat))
    return Ask(
        messages=_messages(body.get("messages")) if is_chat else (),
        prompt="" if is_chat else _prompt(body.get("prompt")),
        sampling=sampling,
        body=body,
    )


def wants_logprobs(body: Mapping[str, Any]) -> bool:
    """Whether log-probabilities are asked for; of a raw completion a 0 is a yes."""
    given = body.get("logprobs")
    return given is not None and given is not False


def _top_logprobs(body: Mapping[str, Any], is_chat: bool) -> int:
    """Of how many tokens at each place; a raw completion says so by ``logprobs`` itself."""
    name = "top_logprobs" if is_chat else "logprobs"
    if body.get("top_logprobs") and not (is_chat and wants_logprobs(body)):
        raise Rejected(400, "top_logprobs is not allowed here: it needs a chat with logprobs=true")
    given = None if isinstance(body.get(name), bool) else body.get(name)
    number = _whole(given, name, 0, 0)
    if number > MAX_TOP_LOGPROBS:
        raise Rejected(400, f"{name} must be at most {MAX_TOP_LOGPROBS}, got {number}")
    return number


def _messages(given: object) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise Rejected(400, "messages must be a list with at least one message")
    return tuple(_message(entry) for entry in given)


def _message(entry: object) -> Message:
    if not isinstance(entry, dict) or entry.get("role") not in _ROLES:
        raise Rejected(400, f"a message needs a role of {', '.join(_ROLES)}")
    content = entry.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        texts = [text for text in parts if isinstance(text, str)]
        content = "".join(texts) if len(texts) == len(content) else None
    if not isinstance(content, str):
        raise Rejected(400, "the content of a message must be text")
    return {"role": _ROLES[entry["role"]], "content": content}  # type: ignore[typeddict-item]


def _prompt(given: object) -> str | tuple[int, ...]:
    if isinstance(given, str):
        return given
    if isinstance(given, list) and given and all(type(token) is int for token in given):
        return tuple(given)
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], str):
        return given[0]
    raise Rejected(400, "prompt must be one text or one list of token ids")


def _sampling(body: Mapping[str, Any], max_tokens: int) -> Sampling:
    stop = body.get("stop") or []
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or not all(isinstance(text, str) and text for text in stop):
        raise Rejected(400, "stop must be a text or a list of texts")
    asked = body.get("max_completion_tokens", body.get("max_tokens"))
    return Sampling(
        temperature=_number(body, "temperature", 1.0, 1e6),
        top_p=_number(body, "top_p", 1.0, 1.0),
        top_k=_whole(body.get("top_k"), "top_k", 0, 0),
        max_tokens=_whole(asked, "max_tokens", max_tokens, 1),
        stop=tuple(stop),
        seed=_whole(body.get("seed"), "seed", secrets.randbits(63), 0),
    )


def _number(body: Mapping[str, Any], name: str, default: float, most: float) -> float:
    value = default if body.get(name) is None else body[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise Rejected(400, f"{name} must be a number from 0 to {most:g}, got {value!r}")
    return float(value)


def _whole(given: object, name: str, default: int, least: int) -> int:
    value = default if given is None else given
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 1 << 63:
        raise Rejected(400, f"{name} must be a whole number of at least {least}, got {value!r}")
    return value
