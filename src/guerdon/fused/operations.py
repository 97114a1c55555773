"""The elementwise parts of a decoder layer, each with its derivative by hand.

Autograd of the same formulas written out keeps three times as much and makes twice the passes over
it. Where `compiled` has them, on the CPU in float32, each is one pass in C. All tensors are rows of
tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from guerdon.fused import compiled


def rms_norm(
    x: Float[Tensor, "*N D"], weight: Float[Tensor, " D"], eps: float
) -> Float[Tensor, "*N D"]:
    """weight * x / sqrt(mean(x^2) + eps), the mean over D.

    Source: Zhang and Sennrich 2019 (arXiv:1910.07467), eq. 4.
    """
    if not x.is_cpu or x.dtype not in (torch.float32, torch.float64):
        return F.rms_norm(x, x.shape[-1:], weight, eps)
    if torch.is_grad_enabled():
        out: Tensor = _RmsNorm.apply(x, weight, eps)
        return out
    if compiled.has(x, weight):
        return compiled.rms_norm(x, weight, eps)
    return (x * _inverse_rms(x, eps)).mul_(weight)


def _inverse_rms(x: Tensor, eps: float) -> Tensor:
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return torch.addcmul(norm.new_tensor(eps), norm, norm, value=1 / x.shape[-1]).rsqrt_()


class _RmsNorm(torch.autograd.Function):
    """n = x / s, s = sqrt(mean(x^2) + eps):  dx = (g w - n mean(g w n)) / s,  dw = sum(g n)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        if compiled.has(x, weight):
            inverse = x.new_empty((*x.shape[:-1], 1))
            out = compiled.rms_norm(x, weight, eps, inverse)
        else:
            inverse = _inverse_rms(x, eps)
            out = (x * inverse).mul_(weight)
        ctx.save_for_backward(x, inverse, weight)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, inverse, weight = ctx.saved_tensors
        if compiled.has(x, weight, grads[0]):
            return *compiled.rms_norm_backward(x, weight, inverse, grads[0]), None
        normed = x * inverse
        product = grads[0] * normed
        mean = (product @ weight).unsqueeze(-1).mul_(-1 / normed.shape[-1])
        d_x = (grads[0] * weight).addcmul_(normed, mean).mul_(inverse)
        d_weight = product.flatten(0, -2).sum(0) if ctx.needs_input_grad[1] else None
        return d_x, d_weight, None


class Angles:
    """By how much the queries and keys of each token are turned, for all layers of a pass.

    Args:
        cos, sin: Float[1, N, D], both halves of D the same.
    """

    def __init__(self, cos: Float[Tensor, "1 N D"], sin: Float[Tensor, "1 N D"]) -> None:
        self.cos = cos[0].unsqueeze(1).contiguous()
        below, above = sin[0].unsqueeze(1).chunk(2, -1)
        self.sin = torch.cat((-below, above), -1)
        """Negative in the first half: [-x2 sin, x1 sin] is [x2, x1] times it."""


def rotated(
    qkv: Float[Tensor, "N heads D"], angles: Angles, sizes: tuple[int, int, int]
) -> tuple[Float[Tensor, "N H D"], Float[Tensor, "N K D"], Float[Tensor, "N K D"]]:
    """Queries, keys and values of tokens, the former two turned by their positions' angles.

    With x = [x1 x2]:  [x1 cos - x2 sin,  x2 cos + x1 sin].

    Args:
        qkv: heads of all three, one after the other; used up if there is no gradient.
        sizes: how many heads of each.

    Source: Su et al. 2021 (arXiv:2104.09864), eq. 34, with the pairs (i, i + D/2).
    """
    if torch.is_grad_enabled():
        query, key, value = _Rotated.apply(qkv, angles.cos, angles.sin, sizes)
        return query, key, value
    if compiled.has(qkv, angles.cos) and qkv.is_contiguous():
        compiled.rotate(qkv, angles.cos, angles.sin, qkv, turned=sizes[0] + sizes[1])
        query, key, value = qkv.split_with_sizes(sizes, 1)
        return query, key, value
    turned = qkv[:, : sizes[0] + sizes[1]]
    other = turned.roll(turned.shape[-1] // 2, -1)
    turned.mul_(angles.cos).addcmul_(other, angles.sin)
    query, key, value = qkv.split_with_sizes(sizes, 1)
    return query, key, value


class _Rotated(torch.autograd.Function):
    """Turning back is the derivative of turning."""

    @staticmethod
    def forward(
        ctx: Any, qkv: Tensor, cos: Tensor, sin: Tensor, sizes: tuple[int, ...]
    ) -> tuple[Tensor, ...]:
        out = torch.empty_like(qkv, memory_format=torch.contiguous_format)
        turns = sizes[0] + sizes[1]
        if compiled.has(qkv, cos):
            compiled.rotate(qkv.contiguous(), cos, sin, out, turned=turns)
        else:
            _turn(qkv[:, :turns], cos, sin, out[:, :turns])
            out[:, turns:] = qkv[:, turns:]
        ctx.save_for_backward(cos, sin)
        return out.split(sizes, 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        sizes = [grad.shape[1] for grad in grads]
        out = grads[0].new_empty((len(cos), sum(sizes), cos.shape[-1]))
        d_query, d_key, d_value = out.split(sizes, 1)
        if compiled.has(*grads, cos):
            for grad, to, turned in zip(grads, out.split(sizes, 1), (*sizes[:2], 0), strict=True):
                compiled.rotate(grad.contiguous(), cos, sin, to, turned=turned, back=True)
        else:
            back = -sin
            _turn(grads[0], cos, back, d_query)
            _turn(grads[1], cos, back, d_key)
            d_value.copy_(grads[2])
        return out, None, None, None


def _turn(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor) -> None:
    half = x.shape[-1] // 2
    torch.mul(x, cos, out=out)
    out[..., :half].addcmul_(x[..., half:], sin[..., :half])
    out[..., half:].addcmul_(x[..., :half], sin[..., half:])


def swiglu(gate_up: Float[Tensor, "N E"]) -> Float[Tensor, "N F"]:
    """silu(gate) * up, for [gate up], E = 2F.

    Source: Shazeer 2020 (arXiv:2002.05202), eq. 6.
    """
    if torch.is_grad_enabled():
        out: Tensor = _SwiGlu.apply(gate_up)
        return out
    return _swiglu(gate_up)


def _swiglu(gate_up: Tensor) -> Tensor:
    if compiled.has(gate_up):
        return compiled.swiglu(gate_up)
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate).mul_(up)


class _SwiGlu(torch.autograd.Function):
    """Keeps its input only, and turns that into its gradient: a second backward pass is refused."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        return _swiglu(gate_up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        if compiled.has(gate_up, grads[0]) and gate_up.is_contiguous():
            compiled.swiglu_backward(gate_up, grads[0])
            torch.autograd.graph.increment_version(gate_up)
            return gate_up
        gate, up = gate_up.chunk(2, -1)
        d_silu = grads[0] * up
        torch.mul(F.silu(gate), grads[0], out=up)
        torch.ops.aten.silu_backward.grad_input(d_silu, gate, grad_input=gate)
        return gate_up
