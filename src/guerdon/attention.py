"""One attention function, registered with transformers, that asks the current layout how to attend.

A Hugging Face model runs its projections and MLPs on a flat row of tokens [1, N] that belong to
many sequences. Who may see whom is the caller's business: the engine reads a key-value cache, the
learner packs rows that share a prompt. Each describes it as a `Layout`; this file only carries the
layout from the call to the attention layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface

NAME = "guerdon"
"""The value of ``attn_implementation`` a model must be loaded with."""


@runtime_checkable
class Layout(Protocol):
    """How the tokens of one flat forward pass see each other."""

    def attend(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scale: float,
        window: int | None,
    ) -> Tensor:
        """Attention of one layer.

        Args:
            layer: index of the layer.
            query: Float[H, N, D]. key, value: Float[H_kv, N, D], rotary position embedding already
            applied.
            scale: factor on the scores, usually 1 / sqrt(D).
            window: sliding window in tokens, or None; a query at position p sees keys at positions
            > p - window.

        Returns:
            Float[N, H, D].
        """
        ...


_current: Layout | None = None


@contextmanager
def attending(layout: Layout) -> Iterator[None]:
    """Forward (and backward, when layers are recomputed) inside this block attends as ``layout``
    says."""
    global _current
    outer, _current = _current, layout
    try:
        yield
    finally:
        _current = outer


def attend(
    layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None
) -> Tensor:
    """Attention of one layer as the current layout says; see `Layout.attend`."""
    assert _current is not None, "a guerdon model must run inside `attending(layout)`"
    return _current.attend(layer, query, key, value, scale, window)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    assert query.shape[0] == 1, "sequences are laid out in one flat row"
    assert softcap is None and dropout == 0.0, "unsupported attention; hf.load_model refuses it"
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    layer: int = module.layer_idx  # type: ignore[assignment]
    out = attend(layer, query[0], key[0], value[0], scale, sliding_window)
    return out.unsqueeze(0), None


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)  # layouts make their own masks
