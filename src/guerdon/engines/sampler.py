"""sample: one token a row from logits, with noise that depends on (seed, index) only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from guerdon.types import Sampling

_BLOCK = 128
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seeds: Sequence[int], indices: Sequence[int]) -> np.ndarray:
    """u(seed, i) in [0, 1): the i-th output of the SplitMix64 generator started at ``seed``.

    Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", fig. 17.
    """
    steps = np.array(indices, dtype=np.uint64) + np.uint64(1)
    z = np.array([seed & 0xFFFFFFFFFFFFFFFF for seed in seeds], dtype=np.uint64) + steps * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    noise: np.ndarray = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return noise


def sample(
    logits: Float[Tensor, "R V"], samplings: Sequence[Sampling], indices: Sequence[int]
) -> tuple[list[int], list[float]]:
    """Draw token ``indices[r]`` of each row's completion by inverting its distribution function.

    A temperature of 0 takes the likeliest token; its log-probability is that at temperature 1.

    Returns:
        Tokens, and their log-probabilities under the distribution sampled: at the row's
        temperature, renormalised over what top_k and top_p leave.

    Raises:
        ArithmeticError: a row has NaN or infinite logits, or none above minus infinity.
    """
    device = logits.device
    scaled = logits.float()
    heat = [s.temperature or 1.0 for s in samplings]
    if any(h != 1.0 for h in heat):
        scaled = scaled / torch.tensor(heat, device=device).unsqueeze(1)
    if any(s.top_k > 0 or s.top_p < 1.0 for s in samplings):
        scaled = _truncated(scaled, samplings)
    peak = scaled.amax(-1, keepdim=True)
    weights = (scaled - peak).exp_()
    lse = weights.sum(-1, keepdim=True).log_().add_(peak)
    if not lse.isfinite().all():
        raise ArithmeticError("its logits are not finite")
    greedy = [s.temperature == 0 for s in samplings]
    if all(greedy):
        tokens = scaled.argmax(-1)
    else:
        noise = uniforms([s.seed for s in samplings], indices)
        tokens = _invert(weights, torch.from_numpy(noise).to(device))
        if any(greedy):
            tokens = torch.where(torch.tensor(greedy, device=device), scaled.argmax(-1), tokens)
    logprobs = (scaled.gather(1, tokens.unsqueeze(1)) - lse).squeeze(1)
    return tokens.tolist(), logprobs.tolist()


def likeliest(
    logits: Float[Tensor, "R V"], samplings: Sequence[Sampling]
) -> list[tuple[tuple[int, float], ...]]:
    """The ``top_logprobs`` likeliest tokens of each row, likeliest first, and their
    log-probabilities at temperature 1."""
    counts = [min(s.top_logprobs, logits.shape[1]) for s in samplings]
    asking = [row for row, count in enumerate(counts) if count]
    found: list[tuple[tuple[int, float], ...]] = [()] * len(counts)
    if asking:
        rows = logits[torch.tensor(asking, device=logits.device)].float()
        best = rows.log_softmax(-1).topk(max(counts))
        for row, ids, values in zip(
            asking, best.indices.tolist(), best.values.tolist(), strict=True
        ):
            found[row] = tuple(zip(ids, values, strict=True))[: counts[row]]
    return found


def _truncated(scaled: Float[Tensor, "R V"], samplings: Sequence[Sampling]) -> Float[Tensor, "R V"]:
    """Minus infinity outside the top_k likeliest tokens and then outside the smallest set of
    likeliest tokens with a share of at least top_p; the likeliest always stays."""
    vocabulary, device = scaled.shape[1], scaled.device
    top_k = torch.tensor([s.top_k or vocabulary for s in samplings], device=device)
    top_p = torch.tensor([s.top_p for s in samplings], device=device)
    ordered, tokens = torch.sort(scaled, stable=True, dim=-1, descending=True)
    rank = torch.arange(vocabulary, device=device)
    ordered = ordered.masked_fill(rank >= top_k.unsqueeze(1), -torch.inf)
    share = ordered.softmax(-1, dtype=torch.float64)
    before = share.cumsum(-1) - share
    ordered = ordered.masked_fill((before >= top_p.unsqueeze(1)) & (rank > 0), -torch.inf)
    return torch.empty_like(scaled).scatter_(1, tokens, ordered)


def _invert(weights: Float[Tensor, "R V"], noise: Float[Tensor, " R"]) -> Int[Tensor, " R"]:
    """The first token whose cumulative weight exceeds ``noise`` times the total.

    In two levels, first a block of tokens, then a token of it: sums in float64 over the whole
    vocabulary would cost more than the rest of sampling.
    """
    rows, vocabulary = weights.shape
    blocks = F.pad(weights, (0, -vocabulary % _BLOCK)).view(rows, -1, _BLOCK)
    ends = blocks.sum(-1).double().cumsum(-1)
    zero = torch.zeros_like(noise)
    # rounding must not lead to or past the end, where tokens of weight 0 may be
    target = torch.minimum(noise * ends[:, -1], ends[:, -1].nextafter(zero))
    block = torch.searchsorted(ends, target.unsqueeze(1), right=True)
    start = torch.where(block > 0, ends.gather(1, (block - 1).clamp(min=0)), 0.0)
    inside = blocks[torch.arange(rows, device=weights.device), block.squeeze(1)].double().cumsum(-1)
    rest = torch.minimum(target - start.squeeze(1), inside[:, -1].nextafter(zero))
    token = torch.searchsorted(inside, rest.unsqueeze(1), right=True)
    return (block * _BLOCK + token).squeeze(1)
