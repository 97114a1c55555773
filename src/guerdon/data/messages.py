"""Messages as a row holds them, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

from guerdon.types import Message, Role


def read_messages(value: Any) -> tuple[Message, ...]:
    """A list of messages, or the JSON text of one, as messages with a known role and a text.

    Content may be a list of ``{"type": "text", "text": ...}`` parts, which are joined.

    Raises:
        ValueError: says which message is wrong, and how.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("messages are a text that is not a JSON list") from None
    if not isinstance(value, list) or not value:
        raise ValueError("messages must be a list with at least one message")
    messages = tuple(_message(number, message) for number, message in enumerate(value, 1))
    check_order(messages)
    return messages


def check_order(messages: tuple[Message, ...]) -> None:
    """Raise ``ValueError`` if a system message is not the first message."""
    for number, message in enumerate(messages[1:], 2):
        if message["role"] == "system":
            raise ValueError(f"message {number} is a system message, but not the first one")


def check_text(text: str) -> str:
    """``text`` itself; ``ValueError`` for halves of characters, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"half a character (a lone surrogate) at {error.start}") from None
    return text


def _message(number: int, message: Any) -> Message:
    if not isinstance(message, Mapping):
        raise ValueError(f"message {number} must have a role and a content")
    role: Any = message.get("role")
    content = message.get("content")
    if role not in get_args(Role):
        known = ", ".join(get_args(Role))
        raise ValueError(f"message {number} has the role {role!r}; use one of {known}")
    if isinstance(content, list):
        content = "".join(_part(number, part) for part in content)
    if not isinstance(content, str):
        raise ValueError(f"message {number} has no text as its content")
    return {"role": role, "content": check_text(content)}


def _part(number: int, part: Any) -> str:
    text = part.get("text") if isinstance(part, Mapping) else None
    if not isinstance(text, str):
        raise ValueError(f"message {number} has a part that is not text")
    return text
