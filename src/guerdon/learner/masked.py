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


def visibility(pack: Pack, window: int | None) -> Callable[[Tensor, Tensor], Tensor]:
    """Whether token q attends to token k, as a function of indices that broadcast.

    It is a lambda because FlexAttention traces it: nothing may wrap it.
    """
    position = pack.position_ids
    tree, branch = torch.zeros_like(position), torch.zeros_like(position)
    for number, one in enumerate(pack.trees):
        for of, (start, length) in enumerate([one.prompt, *one.branches]):
            tree[start : start + length] = number
            branch[start : start + length] = of  # 0: the prompt
    reach = pack.num_tokens if window is None else window
    return lambda q, k: (
        (tree[q] == tree[k])
        & ((branch[k] == 0) | (branch[k] == branch[q]))
        & (position[k] <= position[q])
        & (position[k] > position[q] - reach)
    )


class DenseLayout:
    """Masked attention over all pairs: right for every pack, and slow."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
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
            self._masks[window] = visibility(self._pack, window)(tokens[:, None], tokens)
        out = F.scaled_dot_product_attention(
            query[None], key[None], value[None], self._masks[window], scale=scale, enable_gqa=True
        )
        return out[0].transpose(0, 1)


class FlexLayout:
    """FlexAttention: one kernel that skips the blocks where no token sees another."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
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
            size, sees = query.shape[1], visibility(self._pack, window)
            self._masks[window] = create_block_mask(
                lambda batch, head, q, k: sees(q, k), None, None, size, size, query.device
            )
        run: Callable[..., Tensor] = _compiled_flex() if query.is_cuda else flex_attention  # type: ignore[assignment]
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
