"""ConversationCache: which tokens have keys and values in the cache, and for whom.

A conversation is a head, the prompt it began with, shared by all that began with the same one, and
a tail of its own. What nobody uses stays until the room is needed, the least recently used goes
first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from guerdon.engines.kv_cache import KvCache, Segment, segment_size


@dataclass(slots=True, eq=False)
class Head:
    """A prompt whose keys and values several conversations read."""

    tokens: tuple[int, ...]
    segment: Segment
    computed: int = 0
    """Its first tokens that have keys and values."""
    users: int = 0

    @property
    def complete(self) -> bool:
        return self.computed == len(self.tokens)


@dataclass(slots=True, eq=False)
class Conversation:
    """A head, seen up to ``head_length``, and a tail of tokens of its own."""

    head: Head
    head_length: int
    tail: Segment
    tail_length: int = 0
    """Tokens of the tail that have keys and values."""
    tokens: tuple[int, ...] = ()
    """All tokens with keys and values, while nobody uses it."""
    key: int = 0
    """Of these tokens."""

    @property
    def length(self) -> int:
        """Tokens with keys and values once the head is complete."""
        return self.head_length + self.tail_length


class ConversationCache:
    """Opens and closes conversations in a key-value cache."""

    def __init__(self, cache: KvCache) -> None:
        self._cache = cache
        self._heads: dict[tuple[int, ...], Head] = {}
        self._idle: OrderedDict[Head | Conversation, None] = OrderedDict()
        self._by_key: dict[int, list[Conversation]] = {}

    def demand(self, prompt: tuple[int, ...], max_tokens: int) -> int:
        """Tokens of the cache that a new conversation takes."""
        return segment_size(len(prompt)) + segment_size(max_tokens)

    def open(self, prompt: tuple[int, ...], max_tokens: int) -> Conversation | None:
        """The conversation that this prompt continues, or a new one; None if there is no room now.

        There is room for the prompt and all but the last of ``max_tokens`` more. At least the
        prompt's last token remains to be computed, if only in a head that is not complete.
        """
        known = self._take(prompt)
        if known is not None:
            if self._widen(known, len(prompt) + max_tokens - 1 - known.head_length):
                return known
            self.close(known, known.tokens)
        return self._begin(prompt, max_tokens)

    def close(self, conversation: Conversation, tokens: Sequence[int]) -> None:
        """Keep a conversation for its next turn; ``tokens`` is all of it, as far as computed."""
        if not conversation.head.complete or not conversation.length:
            self.drop(conversation)
            return
        conversation.tokens = tuple(tokens[: conversation.length])
        conversation.key = _prefix_keys(conversation.tokens)[-1]
        self._by_key.setdefault(conversation.key, []).append(conversation)
        self._idle[conversation] = None

    def drop(self, conversation: Conversation) -> None:
        """Free a conversation's tail, and its head if nobody else can use that."""
        self._cache.free(conversation.tail)
        self._leave(conversation.head)

    def forget(self, active: Sequence[Conversation]) -> None:
        """The weights changed: nothing computed is valid; active conversations keep their room."""
        while self._idle:
            self._evict()
        for conversation in active:
            conversation.tail_length = 0
            conversation.head.computed = 0

    def clear(self) -> None:
        """Forget everything, active conversations too."""
        self._heads.clear()
        self._idle.clear()
        self._by_key.clear()
        self._cache.clear()

    def _take(self, prompt: tuple[int, ...]) -> Conversation | None:
        """The longest idle conversation that the prompt continues, no longer idle."""
        if not self._by_key:
            return None
        for key in reversed(_prefix_keys(prompt[:-1])):
            for found in self._by_key.get(key, ()):
                if found.tokens == prompt[: len(found.tokens)]:
                    self._unlist(found)
                    del self._idle[found]
                    return found
        return None

    def _unlist(self, conversation: Conversation) -> None:
        same = self._by_key[conversation.key]
        same.remove(conversation)
        if not same:
            del self._by_key[conversation.key]

    def _widen(self, conversation: Conversation, num_tokens: int) -> bool:
        """Make room in the tail, if need be in another segment."""
        if segment_size(num_tokens) <= conversation.tail.capacity:
            return True
        wider = self._allocate(num_tokens)
        if wider is None:
            return False
        self._cache.copy(conversation.tail, wider, conversation.tail_length)
        self._cache.free(conversation.tail)
        conversation.tail = wider
        return True

    def _begin(self, prompt: tuple[int, ...], max_tokens: int) -> Conversation | None:
        head = self._heads.get(prompt)
        if head is None:
            segment = self._allocate(len(prompt), high=True)
            if segment is None:
                return None
            head = self._heads[prompt] = Head(prompt, segment)
        head.users += 1  # from here on it cannot be evicted
        self._idle.pop(head, None)
        # a complete head has no hidden state to sample from: its last token is computed again
        length = len(prompt) - 1 if head.complete else len(prompt)
        tail = self._allocate(max_tokens)
        if tail is None:
            self._leave(head)
            return None
        return Conversation(head, length, tail)

    def _leave(self, head: Head) -> None:
        head.users -= 1
        if head.users == 0 and head.complete:
            self._idle[head] = None
        elif head.users == 0:
            del self._heads[head.tokens]
            self._cache.free(head.segment)

    def _allocate(self, num_tokens: int, *, high: bool = False) -> Segment | None:
        while (segment := self._cache.allocate(num_tokens, high=high)) is None and self._idle:
            self._evict()
        return segment

    def _evict(self) -> None:
        oldest, _ = self._idle.popitem(last=False)
        if isinstance(oldest, Conversation):
            self._unlist(oldest)
            self.drop(oldest)
            # its head has been idle for as long
            if oldest.head in self._idle:
                self._idle.move_to_end(oldest.head, last=False)
        else:
            del self._heads[oldest.tokens]
            self._cache.free(oldest.segment)


def _prefix_keys(tokens: Sequence[int]) -> list[int]:
    """A 64-bit key of every prefix of the tokens: [t_0], [t_0, t_1], ...; equal prefixes have
    equal keys."""
    mixed = np.array(tokens, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed += np.arange(len(tokens), dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    return np.cumsum(mixed).tolist()
