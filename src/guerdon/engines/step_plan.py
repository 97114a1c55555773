"""plan: which tokens of which sequences go into one step, and where they lie in the flat row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from guerdon.attention import Layout
from guerdon.engines.cached_attention import CachedLayout, Reads
from guerdon.engines.conversation_cache import Conversation, Head
from guerdon.engines.decode_attention import DecodeLayout
from guerdon.engines.kv_cache import KvCache, Segment
from guerdon.engines.sequence import GenerationSequence
from guerdon.fused import compiled


@dataclass(slots=True, eq=False)
class Span:
    """Neighbouring tokens of a head, or of a conversation's tail, that are computed in a step."""

    owner: Head | Conversation
    segment: Segment
    first: int
    """Index in the segment of its first token."""
    offset: int
    """Position in the sequence of the segment's first token."""
    tokens: Sequence[int]
    num_prompt_tokens: int
    samplers: list[GenerationSequence] = field(default_factory=list)
    """Sequences that sample after its last token."""

    def commit(self) -> None:
        """Its keys and values are in the cache now."""
        if isinstance(self.owner, Head):
            self.owner.computed += len(self.tokens)
        else:
            self.owner.tail_length += len(self.tokens)


def plan(active: Sequence[GenerationSequence], max_tokens: int) -> list[Span]:
    """One token for each sequence that is being sampled, and of prompts what else fits.

    A head comes before the tails that read it; layers write all keys before they read any, so both
    can be in one step.
    """
    heads = _heads(active, max_tokens)
    budget = max_tokens - sum(len(span.tokens) for span in heads.values())
    tails = []
    for sequence in active:
        conversation = sequence.conversation
        assert conversation is not None
        head = conversation.head
        span = heads.get(head)
        if not head.complete and (
            span is None or head.computed + len(span.tokens) < len(head.tokens)
        ):
            continue
        length, total = conversation.length, len(sequence.tokens)
        if length == total:
            assert span is not None
            span.samplers.append(sequence)
            continue
        count = total - length
        if count > 1:
            count = min(count, max(1, budget))
            budget -= count
        tail = Span(
            conversation,
            conversation.tail,
            conversation.tail_length,
            conversation.head_length,
            sequence.tokens[length : length + count],
            max(0, min(len(sequence.prompt), length + count) - length),
        )
        if length + count == total:
            tail.samplers.append(sequence)
        tails.append(tail)
    spans = [*heads.values(), *tails]
    spans.sort(key=lambda span: span.segment.start)
    return spans


def _heads(active: Sequence[GenerationSequence], max_tokens: int) -> dict[Head, Span]:
    spans: dict[Head, Span] = {}
    budget = max_tokens
    for sequence in active:
        assert sequence.conversation is not None
        head = sequence.conversation.head
        if head.complete or head in spans or budget <= 0:
            continue
        tokens = head.tokens[head.computed : head.computed + budget]
        budget -= len(tokens)
        spans[head] = Span(head, head.segment, head.computed, 0, tokens, len(tokens))
    return spans


def layout_of(
    spans: Sequence[Span], cache: KvCache, device: torch.device
) -> tuple[Int[Tensor, "1 N"], Int[Tensor, "1 N"], Layout]:
    """Token ids, positions and attention of a step."""
    ids = torch.tensor(list(chain.from_iterable(span.tokens for span in spans)), device=device)
    tails = [span.owner for span in spans if isinstance(span.owner, Conversation)]
    if len(ids) == len(tails) == len(spans) and compiled.has(*cache.planes(0)):
        positions, layout = _decoding(spans, tails, cache)
    else:
        positions, layout = _any_step(spans, cache, device)
    return ids.unsqueeze(0), positions.to(device).unsqueeze(0), layout


def _decoding(
    spans: Sequence[Span], tails: Sequence[Conversation], cache: KvCache
) -> tuple[Int[Tensor, " N"], Layout]:
    """One new token in each tail."""
    pieces = np.array(
        [
            (
                (span.segment.start, span.segment.capacity, 0, span.first + 1),
                (tail.head.segment.start, tail.head.segment.capacity, 0, tail.head_length),
            )
            for span, tail in zip(spans, tails, strict=True)
        ]
    )
    pieces[..., 0] *= cache.num_heads
    offsets = np.array([span.offset for span in spans])
    firsts = np.array([span.first for span in spans])
    layout = DecodeLayout(cache, pieces, offsets)
    return torch.from_numpy(offsets + firsts), layout


def _any_step(
    spans: Sequence[Span], cache: KvCache, device: torch.device
) -> tuple[Int[Tensor, " N"], Layout]:
    counts = np.array([len(span.tokens) for span in spans])
    ends = np.cumsum(counts)
    firsts = np.array([span.first for span in spans])
    flat = np.arange(ends[-1])
    within = flat + np.repeat(firsts - ends + counts, counts)
    positions = within + np.repeat([span.offset for span in spans], counts)
    starts = np.repeat([span.segment.start for span in spans], counts)
    capacities = np.repeat([span.segment.capacity for span in spans], counts)
    rows = cache.rows(starts, capacities, within)
    limits = within + 1

    own: list[Reads] = []
    shared: dict[Head, list[tuple[int, int, int]]] = {}
    for span, start, end in zip(spans, (ends - counts).tolist(), ends.tolist(), strict=True):
        own.append(Reads(span.segment, flat[start:end], limits[start:end], span.offset))
        if isinstance(span.owner, Conversation) and span.owner.head_length:
            shared.setdefault(span.owner.head, []).append((start, end, span.owner.head_length))
    heads = [
        Reads(
            head.segment,
            np.concatenate([flat[start:end] for start, end, _ in readers]),
            np.repeat([length for _, _, length in readers], [e - s for s, e, _ in readers]),
            0,
        )
        for head, readers in shared.items()
    ]
    where = torch.from_numpy(positions).to(device)
    return where, CachedLayout(cache, torch.from_numpy(rows).to(device), where, own, heads)
