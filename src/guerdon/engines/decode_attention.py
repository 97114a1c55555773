"""DecodeLayout: attention of a step in which every sequence has one new token, as compiled code.

Of such steps a rollout mostly consists, and in torch's operations most of their time is not spent
computing. `cached_attention.CachedLayout` is the same for any step and on any device.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from guerdon.engines.kv_cache import KvCache
from guerdon.fused import compiled


class DecodeLayout:
    """How the tokens of a decoding step attend; an `attention.Layout`.

    Args:
        cache: where keys and values are.
        pieces: int64 [N, 2, 4], what each token sees: its own segment, which ends with the token,
            and the head it shares with others, as (start, stride, first, end) of `KvCache.planes`.
        offsets: int64 [N], of the tokens' own segments in their sequences.
    """

    def __init__(self, cache: KvCache, pieces: np.ndarray, offsets: np.ndarray) -> None:
        self._cache, self._pieces, self._offsets = cache, pieces, offsets
        self._seen: dict[int | None, tuple[np.ndarray, int]] = {}

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
        if window not in self._seen:
            self._seen[window] = self._within(window)
        dim, dense = query.shape[-1], query.stride(1)
        if any(x.stride() != (dim, dense, 1) for x in (query, key, value)):
            # not heads of one tensor, as layers that are not fused make them
            joint = torch.cat((query, key, value)).transpose(0, 1).contiguous().transpose(0, 1)
            query, key, value = joint.split((len(query), len(key), len(value)))
        pieces, longest = self._seen[window]
        return compiled.attend(
            query.transpose(0, 1),
            key.transpose(0, 1),
            value.transpose(0, 1),
            *self._cache.planes(layer),
            pieces=pieces,
            longest=longest,
            scale=scale,
        )

    def _within(self, window: int | None) -> tuple[np.ndarray, int]:
        """The pieces as far as a window reaches back, and the most keys that a token sees."""
        pieces = self._pieces
        if window is not None:
            pieces = pieces.copy()
            own_end = pieces[:, 0, 3]
            first = own_end + self._offsets - window  # positions from here on are seen
            pieces[:, 0, 2] = np.clip(first - self._offsets, 0, own_end)
            pieces[:, 1, 2] = np.clip(first, 0, pieces[:, 1, 3])
        return pieces, int((pieces[:, :, 3] - pieces[:, :, 2]).sum(1).max())
