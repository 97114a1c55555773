"""Log-probabilities and entropies of action tokens from hidden states, and nothing of other tokens.

The one shift of autoregressive models is `packing.Pack.sources`: the hidden state at t - 1 predicts
token t. Everything here is one row an action token.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

MAX_LOGITS = 2**24
"""Logits held at once; more are computed in chunks, and again in the backward pass."""
CACHED_ROWS = 128
"""Rows of logits that elementwise steps take at a time, so that they stay in the cache."""


def score(
    hidden: Float[Tensor, "A D"],
    weight: Float[Tensor, "V D"],
    bias: Float[Tensor, " V"] | None,
    targets: Int[Tensor, " A"],
    temperature: Float[Tensor, " A"],
    *,
    entropy_grad: bool = False,
    max_logits: int = MAX_LOGITS,
) -> tuple[Float[Tensor, " A"], Float[Tensor, " A"]]:
    """log softmax(z / temperature)[target] and the entropy of softmax(z / temperature), where
    z = hidden @ weight.T + bias.

    Args:
        temperature: 0 (greedy) counts as 1.
        entropy_grad: whether the entropy has a gradient.

    Returns:
        (logprobs, entropy), in float32 or better.
    """
    inverse = torch.where(temperature > 0, temperature, torch.ones_like(temperature)).reciprocal()
    chunk = max(1, max_logits // weight.shape[0])
    logprobs, entropy = _Score.apply(
        hidden, weight, bias, targets, inverse.to(hidden.device), chunk, entropy_grad
    )
    return logprobs, entropy


class _Score(torch.autograd.Function):
    """Keeps the log-softmax for the backward pass when it is one chunk, else computes it again.

    With p = softmax(x), x = z / temperature, and H the entropy:
    d logp_a / dx = onehot_a - p,   dH / dx = -p (log p + H).
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        inverse: Tensor,
        chunk: int,
        entropy_grad: bool,
    ) -> tuple[Tensor, Tensor]:
        ctx.chunk, ctx.entropy_grad, ctx.kept = chunk, entropy_grad, None
        logprobs, entropies = [], []
        for part in _chunks(len(targets), chunk):
            logp = _log_softmax(hidden[part], weight, bias, inverse[part])
            logprobs.append(logp.gather(1, targets[part, None]).squeeze(1))
            entropies.append(_entropy(logp))
            if chunk >= len(targets) and any(ctx.needs_input_grad[:3]):
                ctx.kept = logp
            del logp
        out, entropy = torch.cat(logprobs), torch.cat(entropies)
        ctx.save_for_backward(hidden, weight, bias, targets, inverse, entropy)
        if not entropy_grad:
            ctx.mark_non_differentiable(entropy)
        return out, entropy

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, targets, inverse, entropy = ctx.saved_tensors
        to_hidden, to_weight, to_bias = ctx.needs_input_grad[:3]
        d_hidden = torch.empty_like(hidden) if to_hidden else None
        d_weight = torch.zeros_like(weight) if to_weight else None
        d_bias = torch.zeros_like(bias) if to_bias else None
        for part in _chunks(len(targets), ctx.chunk):
            logp, ctx.kept = ctx.kept, None
            if logp is None:
                logp = _log_softmax(hidden[part], weight, bias, inverse[part])
            entropy_grads = (grads[1][part], entropy[part]) if ctx.entropy_grad else None
            d_logits = _logit_grads(logp, grads[0][part], targets[part], entropy_grads)
            d_logits = d_logits.mul_(inverse[part, None]).to(weight.dtype)
            if d_hidden is not None:
                torch.mm(d_logits, weight, out=d_hidden[part])
            if d_weight is not None:
                d_weight.addmm_(d_logits.T, hidden[part])
            if d_bias is not None:
                d_bias += d_logits.sum(0)
        return d_hidden, d_weight, d_bias, None, None, None, None


def _chunks(total: int, chunk: int) -> list[slice]:
    return [slice(start, start + chunk) for start in range(0, max(total, 1), chunk)]


def _log_softmax(hidden: Tensor, weight: Tensor, bias: Tensor | None, inverse: Tensor) -> Tensor:
    logits = torch.nn.functional.linear(hidden, weight, bias)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    for rows, factor in zip(logits.split(CACHED_ROWS), inverse.split(CACHED_ROWS), strict=True):
        rows *= factor[:, None]
        rows -= rows.logsumexp(1, keepdim=True)
    return logits


def _entropy(logp: Float[Tensor, "A V"]) -> Float[Tensor, " A"]:
    return torch.cat([-(rows.exp().mul_(rows)).sum(1) for rows in logp.split(CACHED_ROWS)])


def _logit_grads(
    logp: Tensor, grad: Tensor, targets: Tensor, entropy: tuple[Tensor, Tensor] | None
) -> Tensor:
    """Gradient to x; ``logp`` is used up."""
    if entropy is None:
        d_logits = logp.exp_().mul_(-grad[:, None])
    else:
        d_entropy, value = entropy
        p = logp.exp()
        d_logits = logp.add_(value[:, None]).mul_(-d_entropy[:, None]).sub_(grad[:, None]).mul_(p)
    return d_logits.scatter_add_(1, targets[:, None], grad[:, None])
