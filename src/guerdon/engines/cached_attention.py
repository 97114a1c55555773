"""CachedLayout: attention of one engine step over the key-value cache.

The tokens of a step lie in one flat row. Each token sees the beginning of one segment, its own
(causally), and of a second one, the head, if its sequence shares its prompt with others. Attention
over the two is computed apart and merged by their log-sum-exps, so that the keys of a shared prompt
are read once for all sequences that share it:

    o = (1 - w) o_own + w o_head,    w = sigmoid(lse_head - lse_own)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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


@dataclass
class _Part:
    """Reads of neighbouring size as one padded batch: m segments, T queries each, L keys."""

    capacity: int
    slots: slice | Int[Tensor, " m"]
    length: int
    queries: Int[Tensor, "m T"] | None
    """None: the flat row as it is, one query a segment."""
    shape: tuple[int, int]
    limits: Int[Tensor, "m T"]
    offsets: Int[Tensor, " m"]
    uniform: bool
    """Whether all queries of a segment have the same limit."""
    masks: dict[tuple[int | None, int], Tensor | None] = field(default_factory=dict)

    def mask(
        self, positions: Int[Tensor, " N"], window: int | None, repeat: int, dtype: torch.dtype
    ) -> Float[Tensor, "m 1 Q L"] | None:
        """What to add to the scores; None where every query sees all L keys."""
        if (window, repeat) not in self.masks:
            self.masks[window, repeat] = self._mask(positions, window, repeat, dtype)
        return self.masks[window, repeat]

    def _mask(
        self, positions: Int[Tensor, " N"], window: int | None, repeat: int, dtype: torch.dtype
    ) -> Tensor | None:
        limits = self.limits[:, :1] if self.uniform and window is None else self.limits
        keys = torch.arange(self.length, device=limits.device)
        hidden = keys >= limits.unsqueeze(-1)
        if window is not None:
            asks = positions if self.queries is None else positions[self.queries]
            oldest = asks.view(self.shape) - window - self.offsets.unsqueeze(1)
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
        rows: Int[N * heads], where those of the new tokens go; see `KvCache.write`.
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
        count, device = len(positions), positions.device
        self._own, order = _parts(own, count, device)
        self._own_order = None if _is_range(order, count) else torch.from_numpy(order).to(device)
        self._heads, order = _parts(heads, count, device)
        shared = np.flatnonzero(order >= 0)
        self._shared = None if len(shared) == count else torch.from_numpy(shared).to(device)
        self._head_order = torch.from_numpy(order[shared]).to(device)

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
        query = query.transpose(0, 1)
        out, lse = self._read(self._own, layer, query, scale, window)
        order = slice(len(self._positions)) if self._own_order is None else self._own_order
        out, lse = out[order], lse[order]  # without the padding, which may be at the end only
        if not self._heads:
            return out
        head_out, head_lse = self._read(self._heads, layer, query, scale, window)
        head_out, head_lse = head_out[self._head_order], head_lse[self._head_order]
        if self._shared is None:
            return torch.lerp(out, head_out, _weight(head_lse, lse, out.dtype))
        weight = _weight(head_lse, lse[self._shared], out.dtype)
        out[self._shared] = torch.lerp(out[self._shared], head_out, weight)
        return out

    def _read(
        self,
        parts: Sequence[_Part],
        layer: int,
        query: Float[Tensor, "N H D"],
        scale: float,
        window: int | None,
    ) -> tuple[Float[Tensor, "R H D"], Float[Tensor, "R H"]]:
        """Attention over one segment a token, in the order of the parts, padding included."""
        outs, lses = [], []
        num_heads, head_dim = query.shape[1:]
        kv_heads = self._cache.num_heads
        repeat = num_heads // kv_heads
        for part in parts:
            count, width = part.shape
            keys, values = self._cache.read(layer, part.capacity, part.slots, part.length)
            asked = query if part.queries is None else query[part.queries]
            asked = asked.reshape(count, width, kv_heads, repeat, head_dim).transpose(1, 2)
            asked = asked.reshape(count, kv_heads, width * repeat, head_dim)
            mask = part.mask(self._positions, window, repeat, query.dtype)
            out, lse = attention_with_lse(asked, keys, values, mask, scale)
            out = out.view(count, kv_heads, width, repeat, head_dim).transpose(1, 2)
            lse = lse.view(count, kv_heads, width, repeat).transpose(1, 2)
            outs.append(out.reshape(count * width, num_heads, head_dim))
            lses.append(lse.reshape(count * width, num_heads))
        if len(outs) == 1:
            return outs[0], lses[0]
        return torch.cat(outs), torch.cat(lses)


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


def _weight(
    head_lse: Float[Tensor, "N H"], own_lse: Float[Tensor, "N H"], dtype: torch.dtype
) -> Float[Tensor, "N H 1"]:
    return torch.sigmoid(head_lse - own_lse).to(dtype).unsqueeze(-1)


def _parts(
    reads: Sequence[Reads], num_tokens: int, device: torch.device
) -> tuple[list[_Part], np.ndarray]:
    """Batch reads by segment size and, within a factor of two, by number of queries.

    Returns:
        The parts, and for every token its place in their concatenated outputs, -1 if none.
    """
    buckets: dict[tuple[int, int], list[Reads]] = {}
    for read in reads:
        key = (read.segment.capacity, (len(read.tokens) - 1).bit_length())
        buckets.setdefault(key, []).append(read)
    parts, order, base = [], np.full(num_tokens, -1), 0
    for (capacity, _), bucket in buckets.items():
        part, tokens, places = _part(capacity, bucket, num_tokens, device)
        parts.append(part)
        order[tokens] = base + places
        base += part.shape[0] * part.shape[1]
    return parts, order


def _part(
    capacity: int, bucket: list[Reads], num_tokens: int, device: torch.device
) -> tuple[_Part, np.ndarray, np.ndarray]:
    """One part, the tokens it covers, and their places in its output."""
    bucket.sort(key=lambda read: read.segment.start)
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
    alone = width == 1 and count == len(bucket) and _is_range(tokens, num_tokens)
    part = _Part(
        capacity=capacity,
        slots=slice(int(slots[0]), int(slots[-1]) + 1)
        if dense
        else torch.from_numpy(slots).to(device),
        length=int(limits.max()),
        queries=None if alone else torch.from_numpy(queries).to(device),
        shape=(count, width),
        limits=torch.from_numpy(padded).to(device),
        offsets=torch.from_numpy(offsets).to(device),
        uniform=bool((padded == padded[:, :1]).all()),
    )
    return part, tokens, np.flatnonzero(filled)


def _is_range(values: np.ndarray, count: int) -> bool:
    return len(values) == count and bool((values == np.arange(count)).all())
