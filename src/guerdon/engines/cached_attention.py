"""CachedLayout: attention of one engine step over the key-value cache.

The tokens of a step lie in one flat row. Each token sees the beginning of one segment, its own
(causally), and of a second one, the head, if its sequence shares its prompt with others. Attention
over the two is computed apart and merged by their log-sum-exps, so that the keys of a shared prompt
are read once for all sequences that share it:

    o = (1 - w) o_own + w o_head,    w = sigmoid(lse_head - lse_own)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from guerdon.engines.kv_cache import KvCache, Segment

_MASKED = -1e30
"""Finite, so that a query that sees nothing of a segment gets weight 0 there and no NaN."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Queries of one segment: which tokens of the flat row see how much of it.

    ``tokens`` [T] index the flat row, ``limits`` [T] say how many of the segment's first tokens
    each sees; ``offset`` is the position of the segment's first token in its sequence.
    """

    segment: Segment
    tokens: np.ndarray
    limits: np.ndarray
    offset: int


class _Part:
    """Reads of segments of one size as one padded batch: m segments, T queries each, L keys.

    Args:
        bucket: the reads, by where their segments start.
        num_tokens: of the flat row.
    """

    def __init__(
        self, bucket: Sequence[Reads], cache: KvCache, num_tokens: int, device: torch.device
    ) -> None:
        capacity = bucket[0].segment.capacity
        slots = np.array([read.segment.slot for read in bucket])
        widths = np.array([len(read.tokens) for read in bucket])
        tokens = np.concatenate([read.tokens for read in bucket])
        limits = np.concatenate([read.limits for read in bucket])
        rows, count, width = np.arange(len(slots)), len(slots), int(widths.max())
        dense = slots[-1] - slots[0] < 2 * count
        if dense:  # attending for slots in between that nobody asks about is cheaper than copying
            rows, count = slots - slots[0], int(slots[-1] - slots[0]) + 1
        filled = np.zeros((count, width), dtype=bool)
        filled[rows] = np.arange(width) < widths[:, None]
        queries = np.zeros((count, width), dtype=np.int64)
        queries[filled] = tokens
        padded = np.ones((count, width), dtype=np.int64)
        padded[rows] = limits[np.cumsum(widths) - 1][:, None]
        padded[filled] = limits
        offsets = np.zeros(count, dtype=np.int64)
        offsets[rows] = [read.offset for read in bucket]

        def move(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values).to(device)

        order = np.argsort(tokens)
        self.tokens = move(tokens[order])
        self.is_all = _is_range(tokens[order], num_tokens)
        """Whether it is about each token of the flat row."""
        self._shape, self._length = (count, width), int(limits.max())
        self._limits, self._offsets = move(padded), move(offsets)
        self._uniform = bool((padded == padded[:, :1]).all())
        """Whether all queries of a segment have the same limit."""
        self._sees_all = bool((limits == self._length).all()) and len(limits) == padded.size
        self._masks: dict[tuple[int | None, int], Tensor | None] = {}
        self._queries = move(queries.reshape(-1))
        """Which token asks in each of m x T places."""
        self._answers = move(np.flatnonzero(filled)[order])
        """In which of them ``tokens`` ask."""
        self._as_it_is = width == 1 and count == num_tokens and _is_range(tokens, num_tokens)
        """Whether the flat row is the batch."""
        between = slice(int(slots[0]), int(slots[-1]) + 1) if dense else slice(None)
        self._views = cache.slots(capacity, between, self._length)
        self._slots = None if dense else move(slots)

    def attend(
        self,
        layer: int,
        query: Float[Tensor, "N K r D"],
        positions: Int[Tensor, " N"],
        scale: float,
        window: int | None,
    ) -> tuple[Float[Tensor, "n K r D"], Float[Tensor, "n K r"]]:
        """What each of ``tokens`` sees of its segment, and the log-sum-exp of the scores."""
        keys, values = self._views[layer]
        if self._slots is not None:
            keys, values = keys.index_select(0, self._slots), values.index_select(0, self._slots)
        mask = self._mask(positions, window, query.shape[2], query.dtype)
        if self._as_it_is:
            return attention_with_lse(query, keys, values, mask, scale)
        _, kv_heads, repeat, dim = query.shape
        count, width = self._shape
        asked = query.index_select(0, self._queries).view(count, width, kv_heads, repeat, dim)
        asked = asked.transpose(1, 2).reshape(count, kv_heads, width * repeat, dim)
        out, lse = attention_with_lse(asked, keys, values, mask, scale)
        # in memory a token's answers are neighbours on the CPU: no copy
        out = out.transpose(1, 2).reshape(count * width, repeat, kv_heads, dim)
        lse = lse.transpose(1, 2).reshape(count * width, repeat, kv_heads)
        out, lse = out.index_select(0, self._answers), lse.index_select(0, self._answers)
        return out.transpose(1, 2), lse.transpose(1, 2)

    def _mask(
        self, positions: Int[Tensor, " N"], window: int | None, repeat: int, dtype: torch.dtype
    ) -> Float[Tensor, "m 1 Q L"] | None:
        """What to add to the scores; None where every query sees all L keys."""
        if (window, repeat) not in self._masks:
            self._masks[window, repeat] = self._new_mask(positions, window, repeat, dtype)
        return self._masks[window, repeat]

    def _new_mask(
        self, positions: Int[Tensor, " N"], window: int | None, repeat: int, dtype: torch.dtype
    ) -> Tensor | None:
        if window is None and self._sees_all:
            return None
        limits = self._limits[:, :1] if self._uniform and window is None else self._limits
        keys = torch.arange(self._length, device=limits.device)
        hidden = keys >= limits.unsqueeze(-1)
        if window is not None:
            oldest = positions[self._queries].view(self._shape) - window
            oldest -= self._offsets.unsqueeze(1)
            hidden = hidden | (keys <= oldest.unsqueeze(-1))
        if not hidden.any():
            return None
        mask = torch.zeros(hidden.shape, dtype=dtype, device=limits.device)
        mask.masked_fill_(hidden, _MASKED)
        if mask.shape[1] > 1:
            mask = mask.repeat_interleave(repeat, 1)
        return mask.unsqueeze(1)


class CachedLayout:
    """How the tokens of one step attend; an `attention.Layout`.

    Args:
        cache: where keys and values are.
        rows: where those of the new tokens go; see `KvCache.rows`.
        positions: Int[N], of the tokens in their sequences.
        own: reads of each sequence's own segment; they cover every token once.
        heads: reads of shared segments; a token is in one at most.
    """

    def __init__(
        self,
        cache: KvCache,
        rows: Int[Tensor, " NH"],
        positions: Int[Tensor, " N"],
        own: Sequence[Reads],
        heads: Sequence[Reads],
    ) -> None:
        self._cache, self._rows, self._positions = cache, rows, positions
        self._last = int(positions.max())
        self._own, self._heads = (
            [_Part(bucket, cache, len(positions), positions.device) for bucket in _buckets(reads)]
            for reads in (own, heads)
        )

    def attend(
        self,
        layer: int,
        query: Float[Tensor, "H N D"],
        key: Float[Tensor, "K N D"],
        value: Float[Tensor, "K N D"],
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "N H D"]:
        """Store the new keys and values, then attend to the cache."""
        self._cache.write(layer, self._rows, key.transpose(0, 1), value.transpose(0, 1))
        if window is not None and window > self._last:
            window = None
        num_heads, kv_heads = query.shape[0], self._cache.num_heads
        asks = query.transpose(0, 1)
        asks = asks.view(len(asks), kv_heads, num_heads // kv_heads, -1)
        out, lse = self._to_own(layer, asks, scale, window)
        for part in self._heads:
            seen, seen_lse = part.attend(layer, asks, self._positions, scale, window)
            if part.is_all:
                out = _merge(out, lse, seen, seen_lse)
            else:
                own, own_lse = out[part.tokens], lse[part.tokens]
                out.index_copy_(0, part.tokens, _merge(own, own_lse, seen, seen_lse))
        return out.flatten(1, 2)

    def _to_own(
        self, layer: int, asks: Float[Tensor, "N K r D"], scale: float, window: int | None
    ) -> tuple[Float[Tensor, "N K r D"], Float[Tensor, "N K r"]]:
        found = [part.attend(layer, asks, self._positions, scale, window) for part in self._own]
        if len(found) == 1 and self._own[0].is_all:
            return found[0]
        out = asks.new_empty(asks.shape)
        lse = found[0][1].new_empty(asks.shape[:3])
        for part, (seen, seen_lse) in zip(self._own, found, strict=True):
            out.index_copy_(0, part.tokens, seen)
            lse.index_copy_(0, part.tokens, seen_lse)
        return out, lse


def attention_with_lse(
    query: Float[Tensor, "m K Q D"],
    key: Float[Tensor, "m K L D"],
    value: Float[Tensor, "m K L D"],
    mask: Float[Tensor, "m 1 #Q L"] | None,
    scale: float,
) -> tuple[Float[Tensor, "m K Q D"], Float[Tensor, "m K Q"]]:
    """softmax(scale Q K^T + mask) V and the log-sum-exp of each query's scores."""
    if query.device.type == "cpu":
        # what scaled_dot_product_attention calls on the CPU; only this form returns the lse
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        out, lse = flash(query, key, value, 0.0, False, attn_mask=mask, scale=scale)
        return out, lse
    scores = (query @ key.transpose(-1, -2)).float() * scale
    if mask is not None:
        scores = scores + mask
    lse = scores.logsumexp(-1)
    return (scores - lse.unsqueeze(-1)).exp().to(value.dtype) @ value, lse


def _merge(
    out: Float[Tensor, "n K r D"],
    lse: Float[Tensor, "n K r"],
    other: Float[Tensor, "n K r D"],
    other_lse: Float[Tensor, "n K r"],
) -> Float[Tensor, "n K r D"]:
    weight = torch.sub(other_lse, lse).sigmoid_().to(out.dtype)
    return torch.lerp(out, other, weight.unsqueeze(-1))


def _buckets(reads: Sequence[Reads]) -> list[list[Reads]]:
    """Batches of one segment size and, within a factor of two, one number of queries."""
    buckets: dict[tuple[int, int], list[Reads]] = {}
    for read in reads:
        key = (read.segment.capacity, (len(read.tokens) - 1).bit_length())
        buckets.setdefault(key, []).append(read)
    return [sorted(bucket, key=lambda read: read.segment.start) for bucket in buckets.values()]


def _is_range(values: np.ndarray, count: int) -> bool:
    return len(values) == count and bool((values == np.arange(count)).all())
