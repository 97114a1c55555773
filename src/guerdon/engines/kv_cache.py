"""KvCache: keys and values of all layers in one pre-allocated buffer, lent out in segments.

A segment holds a power of two of tokens and starts at a multiple of its size (a buddy allocator),
so all segments of one size are slots of one strided view of the buffer: attention reads a range
of neighbouring slots as a batch, without copying.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

MIN_TOKENS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Room for ``capacity`` tokens from token ``start`` of the buffer on."""

    start: int
    capacity: int

    @property
    def slot(self) -> int:
        """Its number among the segments of its size."""
        return self.start // self.capacity


def segment_size(num_tokens: int) -> int:
    """The smallest segment that holds so many tokens."""
    return max(MIN_TOKENS, 1 << (num_tokens - 1).bit_length())


class KvCache:
    """Keys and values [layers, max_tokens, heads, head_dim] each, as segments.

    Inside a segment the layout is [heads, capacity, head_dim]. Pages of the buffer that were never
    written cost no memory on the CPU.
    """

    def __init__(
        self,
        *,
        num_layers: int,
        num_heads: int,
        head_dim: int,
        max_tokens: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.max_tokens = max_tokens // MIN_TOKENS * MIN_TOKENS
        self._shape = (num_layers, 2, self.max_tokens * num_heads, head_dim)
        self._dtype, self._device = dtype, device
        self._planes: list[Tensor] = []
        """Of each layer, the heads of keys and values one after the other."""
        self.wipe()
        self.clear()

    def clear(self) -> None:
        """Forget everything; segments lent out before are void.

        What was written stays in memory, behind masks: it must be finite; see ``wipe``.
        """
        self._free: dict[int, set[int]] = {}
        self.free_tokens = self.max_tokens
        start = 0
        for bit in reversed(range(self.max_tokens.bit_length())):
            if self.max_tokens >> bit & 1:  # the largest blocks first keeps each one aligned
                self._free[1 << bit] = {start}
                start += 1 << bit

    def wipe(self) -> None:
        """Set all keys and values to 0: a masked key still multiplies its value by 0, so what is
        left there must not be NaN."""
        self.release()  # free the old pages before there are new ones
        self._store = _zeros(self._shape, self._dtype, self._device)
        self._planes.extend(self._store.flatten(1, 2).unbind(0))

    def release(self) -> None:
        """Give the memory back until ``wipe`` takes it again; nothing can be stored meanwhile."""
        self._store = torch.empty(0, dtype=self._dtype, device=self._device)
        self._planes = []

    def allocate(self, num_tokens: int, *, high: bool = False) -> Segment | None:
        """A segment for so many tokens, at the low or the high end; None when there is none.

        Segments that are read together should come from the same end: then they are neighbours.
        """
        capacity = segment_size(num_tokens)
        end = max if high else min
        fits = [(end(starts), size) for size, starts in self._free.items() if starts]
        fits = [fit for fit in fits if fit[1] >= capacity]
        if not fits:
            return None
        start, size = end(fits)
        self._free[size].remove(start)
        while size > capacity:
            size //= 2
            rest = start if high else start + size
            start = start + size if high else start
            self._free.setdefault(size, set()).add(rest)
        self.free_tokens -= capacity
        return Segment(start, capacity)

    def free(self, segment: Segment) -> None:
        """Give a segment back and join it with its free neighbours."""
        start, size = segment.start, segment.capacity
        self.free_tokens += size
        while (buddy := start ^ size) in self._free.get(size, ()):
            self._free[size].remove(buddy)
            start, size = min(start, buddy), size * 2
        self._free.setdefault(size, set()).add(start)

    def copy(self, source: Segment, target: Segment, num_tokens: int) -> None:
        """Copy the first tokens of one segment to another."""
        self._slot(target)[..., :num_tokens, :] = self._slot(source)[..., :num_tokens, :]

    def _slot(self, segment: Segment) -> Float[Tensor, "layers 2 heads capacity D"]:
        first = segment.start * self.num_heads
        rows = self._store[:, :, first : first + segment.capacity * self.num_heads]
        return rows.view(*rows.shape[:2], self.num_heads, segment.capacity, self.head_dim)

    def rows(self, starts: np.ndarray, capacities: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Where in a layer the keys and then the values of new tokens go, heads of a token
        together: [N * 2 * heads] rows of head_dim numbers.

        Args:
            starts, capacities: [N], of their segments.
            tokens: [N], their places there.
        """
        keys = (starts * self.num_heads + tokens)[:, None] + capacities[:, None] * np.arange(
            self.num_heads
        )
        return np.concatenate((keys, keys + self.max_tokens * self.num_heads), 1).reshape(-1)

    def write(
        self,
        layer: int,
        rows: Int[Tensor, " NH"],
        key: Float[Tensor, "N heads D"],
        value: Float[Tensor, "N heads D"],
    ) -> None:
        """Store new tokens; ``rows`` are from the method of that name."""
        both = torch.cat((key, value), 1).view(-1, self.head_dim)
        self._planes[layer].index_copy_(0, rows, both)

    def planes(self, layer: int) -> tuple[Float[Tensor, "R D"], Float[Tensor, "R D"]]:
        """All keys and all values of a layer, rows of head_dim numbers: token t of head h of a
        segment is row start * heads + h * capacity + t."""
        keys, values = self._planes[layer].chunk(2)
        return keys, values

    def slots(self, capacity: int, slots: slice, length: int) -> list[tuple[Tensor, Tensor]]:
        """For each layer, keys and values Float[m, heads, length, D] of the first tokens of
        neighbouring segments of one size: views, which see what is written later."""
        count = self.max_tokens // capacity
        store = self._store[:, :, : count * capacity * self.num_heads]
        store = store.unflatten(2, (count, self.num_heads, capacity))[:, :, slots, :, :length]
        views = store.flatten(0, 1).unbind(0)
        return list(zip(views[::2], views[1::2], strict=True))


def _zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros whose pages, on the CPU, come into being when they are written: torch writes all."""
    if device.type != "cpu":
        return torch.zeros(*shape, dtype=dtype, device=device)
    num_bytes = math.prod(shape) * dtype.itemsize
    return torch.from_numpy(np.zeros(num_bytes, dtype=np.uint8)).view(dtype).view(*shape)
