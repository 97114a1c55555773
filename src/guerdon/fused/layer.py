"""One decoder layer of Llama's kind, in few operations.

    a = x + W_o attend(rotate(W_qkv norm(x)))
    y = a + W_down swiglu(W_gate_up norm(a))

Hugging Face says this in about sixty operations, which on the few rows of a decoding step take
longer than the products do. Here the products of one input are one (`joint`), and so is each chain
of elementwise operations that a backward pass goes through (`operations`).
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from guerdon import attention
from guerdon.fused.joint import Joint
from guerdon.fused.operations import Angles, rms_norm, rotated, swiglu


class FusedLayer:
    """Computes what a transformers layer would, with its modules.

    Args:
        layer: a decoder layer of Llama, Mistral, Qwen2 or Qwen3.
    """

    def __init__(self, layer: Any) -> None:
        attn, mlp = layer.self_attn, layer.mlp
        config = attn.config
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        self._sizes = (heads, kv_heads, kv_heads)
        self._shape = (-1, sum(self._sizes), attn.head_dim)
        self._index: int = attn.layer_idx
        self._scale: float = attn.scaling
        everywhere = getattr(config, "sliding_window", None)
        self._window: int | None = getattr(attn, "sliding_window", everywhere)
        self._norms = (Norm(layer.input_layernorm), Norm(layer.post_attention_layernorm))
        self._head_norms = (
            (Norm(attn.q_norm), Norm(attn.k_norm)) if hasattr(attn, "q_norm") else None
        )
        self._qkv = Joint(attn, "q_proj", "k_proj", "v_proj")
        self._gate_up = Joint(mlp, "gate_proj", "up_proj")
        self._out, self._down = _Residual(attn, "o_proj"), _Residual(mlp, "down_proj")

    def __call__(self, x: Float[Tensor, "N D"], angles: Angles) -> Float[Tensor, "N D"]:
        """The layer's output for a flat row of tokens; run inside `attention.attending`."""
        qkv = self._qkv(self._norms[0](x)).view(self._shape)
        if self._head_norms is not None:
            query, key, value = qkv.split_with_sizes(self._sizes, 1)
            qkv = torch.cat((self._head_norms[0](query), self._head_norms[1](key), value), 1)
        query, key, value = rotated(qkv, angles, self._sizes)
        heads = query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1)
        seen = attention.attend(self._index, *heads, self._scale, self._window)
        x = self._out(x, seen.flatten(1))
        return self._down(x, swiglu(self._gate_up(self._norms[1](x))))

    def forget(self) -> None:
        """The weights go elsewhere; see `Joint.forget`."""
        self._qkv.forget()
        self._gate_up.forget()


class Norm:
    """weight * x / sqrt(mean(x^2) + eps)"""

    def __init__(self, norm: Any) -> None:
        self._parameters, self._eps = norm._parameters, norm.variance_epsilon

    def __call__(self, x: Tensor) -> Tensor:
        return rms_norm(x, self._parameters["weight"], self._eps)


class _Residual:
    """x + projection(y)"""

    def __init__(self, owner: nn.Module, name: str) -> None:
        self._modules, self._name = owner._modules, name

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        projection: Any = self._modules[self._name]
        parameters: dict[str, Any] = projection._parameters
        if type(projection) is nn.Linear and parameters["bias"] is None:
            return torch.addmm(x, y, parameters["weight"].t())
        out: Tensor = x + projection(y)
        return out
