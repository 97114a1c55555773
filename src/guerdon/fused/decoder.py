"""fuse: let a transformers model run our decoder layers, with its own modules and weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPast

from guerdon import attention
from guerdon.fused.layer import FusedLayer, Norm
from guerdon.fused.operations import Angles

KINDS = frozenset({"LlamaModel", "MistralModel", "Qwen2Model", "Qwen3Model"})
"""Models whose layers compute the equations of `layer`."""


def fuse(model: nn.Module) -> bool:
    """Let the decoder in ``model`` run `FusedLayer`s wherever its attention is guerdon's.

    Names, weights and what is saved stay as they are, and so do models of other kinds.

    Returns:
        Whether it is of a kind that can.
    """
    found: Any = next(filter(_is_known, model.modules()), None)
    if found is None:
        return False
    for layer in found.layers:
        layer.__class__ = _fused_layer(layer.__class__)
        layer.fused = FusedLayer(layer)
    found.fused_norm = Norm(found.norm)
    found.__class__ = _fused_decoder(found.__class__)
    return True


def _is_known(module: Any) -> bool:
    kind = type(module)
    known = kind.__name__ in KINDS and kind.__module__.startswith("transformers.models.")
    return known and module.config.hidden_act in ("silu", "swish")


@cache
def _fused_decoder(kind: Any) -> Any:
    plain: Callable[..., Any] = kind.forward

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.config._attn_implementation != attention.NAME:
            return plain(self, *args, **kwargs)
        return BaseModelOutputWithPast(last_hidden_state=_hidden_states(self, *args, **kwargs))

    return type(kind.__name__, (kind,), {"forward": forward, "__module__": __name__})


def _hidden_states(
    decoder: Any, input_ids: Tensor, position_ids: Tensor, use_cache: bool = False, **_: Any
) -> Tensor:
    assert not use_cache, "layouts bring their own cache"
    x = decoder.embed_tokens(input_ids)
    angles = Angles(*decoder.rotary_emb(x, position_ids))
    x = x[0]
    for layer in decoder.layers:
        # through the module while there are gradients, which may be checkpointed
        x = layer(x, angles=angles) if torch.is_grad_enabled() else layer.fused(x, angles)
    return decoder.fused_norm(x).unsqueeze(0)


@cache
def _fused_layer(kind: Any) -> Any:
    """A subclass: transformers wraps the ``forward`` of such for gradient checkpointing."""
    plain: Callable[..., Tensor] = kind.forward

    def forward(self: Any, x: Tensor, *, angles: Angles | None = None, **kwargs: Any) -> Tensor:
        if angles is None:
            return plain(self, x, **kwargs)
        out: Tensor = self.fused(x, angles)
        return out

    def _apply(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.fused.forget()
        return kind._apply(self, *args, **kwargs)

    return type(
        kind.__name__, (kind,), {"forward": forward, "_apply": _apply, "__module__": __name__}
    )
