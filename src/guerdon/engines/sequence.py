"""Sequence: one request on its way through the engine, and when its reply ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from guerdon.engines.conversation_cache import Conversation
from guerdon.types import FinishReason, Sampling

_LONGEST_CHARACTER = 8
"""Tokens after which bytes that are no character are taken as they are."""

Decode = Callable[[Sequence[int]], str]


@dataclass(slots=True, eq=False)
class GenerationSequence:
    """A prompt, what was sampled so far, and who waits for it."""

    prompt: tuple[int, ...]
    sampling: Sampling
    max_tokens: int
    future: asyncio.Future[None]
    tokens: list[int]
    """Prompt and sampled tokens."""
    stops: StopStrings | None = None
    logprobs: list[float] = field(default_factory=list)
    likeliest: list[tuple[tuple[int, float], ...]] = field(default_factory=list)
    """Tokens that could have stood at each place; empty unless asked for."""
    conversation: Conversation | None = None
    finish_reason: FinishReason | None = None
    version: int = 0

    def accept(self, token: int, logprob: float, stop_ids: frozenset[int]) -> bool:
        """Append a sampled token; True when the reply ends with it."""
        self.tokens.append(token)
        self.logprobs.append(logprob)
        if token in stop_ids or (self.stops is not None and self.stops.found(token)):
            self.finish_reason = "stop"
        elif len(self.logprobs) >= self.max_tokens:
            self.finish_reason = "length"
        return self.finish_reason is not None

    @property
    def sampled(self) -> tuple[int, ...]:
        return tuple(self.tokens[len(self.prompt) :])


class StopStrings:
    """Looks for stop strings in a reply as it grows, decoding only its last tokens each time."""

    def __init__(self, stops: Sequence[str], decode: Decode) -> None:
        self._stops, self._decode = tuple(stops), decode
        self._keep = max(map(len, stops)) - 1
        self._context: list[int] = []
        """Tokens already in the text; their neighbours may decode differently without them."""
        self._pending: list[int] = []
        """Tokens whose text is not final: bytes of an unfinished character."""
        self._tail = ""

    def found(self, token: int) -> bool:
        """Whether a stop string ends in the text of this token."""
        self._pending.append(token)
        known = self._decode(self._context)
        text = self._decode([*self._context, *self._pending])[len(known) :]
        window = self._tail + text
        if any(stop in window for stop in self._stops):
            return True
        whole = bool(text) and not text.endswith("�")
        if whole or len(self._pending) >= _LONGEST_CHARACTER:
            self._tail = window[-self._keep :] if self._keep else ""
            self._context, self._pending = self._pending, []
        return False
