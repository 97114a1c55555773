"""How the tokens of a pack attend to each other, said as a mask: layouts for training.

Token q sees token k if they are of one tree, k is of the prompt or of q's own branch, and k is not
later than q. `DenseLayout` computes exactly that, and is what the others are tested against;
`FlexLayout` (GPU) compiles it into a block-sparse kernel; `blocks.BlockLayout` is the CPU's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from guerdon.learner.packing import Pack


class _Places:
    """Tree, branch (0: the prompt) and position of each token."""

    def __init__(self, pack: Pack) -> None:
        self.position = pack.position_ids
        self.tree = torch.zeros_like(pack.position_ids)
        self.branch = torch.zeros_like(pack.position_ids)
        for number, tree in enumerate(pack.trees):
            for branch, (start, length) in enumerate([tree.prompt, *tree.branches]):
                self.tree[start : start + length] = number
                self.branch[start : start + length] = branch

    def sees(self, query: Tensor, key: Tensor, window: int | None) -> Tensor:
        """Whether tokens ``query`` attend to tokens ``key`` (indices that broadcast)."""
        branch = self.branch[key]
        seen = (
            (self.tree[query] == self.tree[key])
            & ((branch == 0) | (branch == self.branch[query]))
            & (self.position[key] <= self.position[query])
        )
        if window is not None:
            seen = seen & (self.position[key] > self.position[query] - window)
        return seen


class DenseLayout:
    """Masked attention over all pairs: right for every pack, and slow."""

    def __init__(self, pack: Pack) -> None:
        self._places = _Places(pack)
        self._masks: dict[int | None, Bool[Tensor, "N N"]] = {}

    def attend(
        self,
        layer: int,
        query: Float[Tensor, "H N D"],
        key: Float[Tensor, "K N D"],
        value: Float[Tensor, "K N E"],
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "N H E"]:
        """See `attention.Layout`."""
        if window not in self._masks:
            tokens = torch.arange(query.shape[1], device=query.device)
            self._masks[window] = self._places.sees(tokens[:, None], tokens[None, :], window)
        out = F.scaled_dot_product_attention(
            query[None], key[None], value[None], self._masks[window], scale=scale, enable_gqa=True
        )
        return out[0].transpose(0, 1)


class FlexLayout:
    """FlexAttention: one kernel that skips the blocks where no token sees another."""

    def __init__(self, pack: Pack) -> None:
        self._places = _Places(pack)
        self._masks: dict[int | None, BlockMask] = {}

    def attend(
        self,
        layer: int,
        query: Float[Tensor, "H N D"],
        key: Float[Tensor, "K N D"],
        value: Float[Tensor, "K N E"],
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "N H E"]:
        """See `attention.Layout`."""
        if window not in self._masks:

            def mask(batch: Tensor, head: Tensor, q: Tensor, k: Tensor) -> Tensor:
                return self._places.sees(q, k, window)

            size = query.shape[1]
            self._masks[window] = create_block_mask(mask, None, None, size, size, query.device)
        run = _compiled_flex() if query.is_cuda else flex_attention
        out = run(
            query[None],
            key[None],
            value[None],
            block_mask=self._masks[window],
            scale=scale,
            enable_gqa=True,
        )
        return out[0].transpose(0, 1)


@cache
def _compiled_flex() -> Callable[..., Any]:
    return torch.compile(flex_attention, dynamic=True)
