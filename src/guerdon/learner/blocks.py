"""Attention over a pack on the CPU: rectangles for the flash kernel, joined exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from guerdon.learner.masked import DenseLayout
from guerdon.learner.packing import Pack, Span, Tree

# the kernel behind `scaled_dot_product_attention`, which alone does not return the log-sum-exp
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward

_ENOUGH_TOKENS = 256
"""From how many on a call of the kernel takes longer than it takes to make the call."""


@dataclass(frozen=True)
class _Tokens:
    """M sequences of up to L tokens in the flat sequence, as a [M, L] rectangle."""

    regular: tuple[int, int, int] | None
    """(start, M, step): one sequence every ``step`` tokens, none shorter than the rectangle."""
    columns: slice
    """Which columns of the sequences, if regular."""
    index: Int[Tensor, "M L"] | None = None
    """The place of each token otherwise; 0 where there is none."""
    real: Int[Tensor, " S"] | None = None
    """Where in the flattened ``index`` there is a token."""

    @classmethod
    def of(cls, spans: list[Span]) -> _Tokens:
        """The rectangle around sequences that are sorted by length, longest first."""
        start, longest = spans[0]
        if spans == [(start + i * longest, longest) for i in range(len(spans))]:
            return cls((start, len(spans), longest), slice(0, longest))
        starts, lengths = torch.tensor(spans).T
        column = torch.arange(longest)
        real = column < lengths[:, None]
        index = torch.where(real, starts[:, None] + column, 0)
        return cls(None, slice(0, longest), index, real.view(-1).nonzero().squeeze(1))

    def part(self, start: int, end: int) -> _Tokens:
        """The rectangle's columns from start to end."""
        if self.index is None:
            return replace(self, columns=slice(start, end))
        index = self.index[:, start:end]
        assert self.real is not None
        real = torch.zeros(self.index.numel(), dtype=torch.bool)
        real[self.real] = True
        real = real.view_as(self.index)[:, start:end].reshape(-1)
        return _Tokens(None, slice(start, end), index, real.nonzero().squeeze(1))

    def cut(self, flat: Float[Tensor, "N H D"], pad: float | None = None) -> Tensor:
        """[M, H, L, D] of these tokens; padding holds ``pad``, or any token if None."""
        if self.regular is not None:
            start, count, step = self.regular
            sequences = flat[start : start + count * step].unflatten(0, (count, step))
            return sequences[:, self.columns].transpose(1, 2)
        assert self.index is not None and self.real is not None
        if pad is None:
            return flat[self.index].transpose(1, 2)
        padded = flat.new_full((self.index.numel(), *flat.shape[1:]), pad)
        padded[self.real] = flat[self.index.reshape(-1)[self.real]]
        return padded.unflatten(0, self.index.shape).transpose(1, 2)

    def paste(self, part: Float[Tensor, "M H L D"], flat: Float[Tensor, "N H D"]) -> None:
        """Write [M, H, L, D] to where ``cut`` reads it."""
        if self.index is None:
            self.cut(flat).copy_(part)
        else:
            assert self.real is not None
            tokens = part.transpose(1, 2).reshape(-1, *flat.shape[1:])[self.real]
            flat[self.index.reshape(-1)[self.real]] = tokens

    def mix(
        self, part: Float[Tensor, "M H L D"], weight: Tensor, flat: Float[Tensor, "N H D"]
    ) -> None:
        """Move [M, H, L, D] to where ``cut`` reads it by the fraction ``weight``."""
        mixed = self.cut(flat).lerp_(part, weight)
        if self.index is not None:
            self.paste(mixed, flat)

    def add(self, part: Float[Tensor, "M H L D"], flat: Float[Tensor, "N H D"]) -> None:
        """Add [M, H, L, D] to where ``cut`` reads it."""
        if self.index is None:
            self.cut(flat).add_(part)
        else:
            assert self.real is not None
            tokens = part.transpose(1, 2).reshape(-1, *flat.shape[1:])[self.real]
            flat.index_add_(0, self.index.reshape(-1)[self.real], tokens)


@dataclass(frozen=True)
class _Block:
    """A rectangle of attention: all keys for every query, or (causal) each query's own past."""

    queries: _Tokens
    keys: _Tokens
    causal: bool


class BlockLayout:
    """Attention as rectangles without masked pairs, joined by their log-sum-exp.

    Each prompt and branch attends to itself, a long one in parts; then all branches of a tree to
    their prompt. Nothing is copied per row: a prompt's keys serve its branches where they are.
    Windows that matter, and keys and values of different sizes, go to `DenseLayout`.
    """

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._dense: DenseLayout | None = None
        self._longest = int(pack.position_ids.max()) + 1
        spans = [tree.prompt for tree in pack.trees]
        spans += [branch for tree in pack.trees for branch in tree.branches]
        self.blocks = [block for bucket in _buckets(spans) for block in _causal_blocks(bucket)]
        self.blocks += _branch_blocks(pack.trees)

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
        window_matters = window is not None and window < self._longest
        if window_matters or query.shape[-1] != value.shape[-1]:
            self._dense = self._dense or DenseLayout(self._pack)
            return self._dense.attend(layer, query, key, value, scale, window)
        flat = (x.transpose(0, 1) for x in (query, key, value))
        out: Tensor = _BlockAttention.apply(*flat, scale, self.blocks)
        return out


def _buckets(spans: list[Span]) -> list[list[Span]]:
    """Sequences that are computed together: neighbours of one length where they have enough tokens
    for a call, since they are read in place; the others by similar length, longest first, which
    takes little padding and few calls."""
    runs: list[list[Span]] = []
    for span in (s for s in spans if s[1]):
        if runs and span == (sum(runs[-1][-1]), runs[-1][-1][1]):
            runs[-1].append(span)
        else:
            runs.append([span])
    large = [run for run in runs if len(run) * run[0][1] >= _ENOUGH_TOKENS]
    small = [span for run in runs if len(run) * run[0][1] < _ENOUGH_TOKENS for span in run]
    buckets: list[list[Span]] = []
    for span in sorted(small, key=lambda s: -s[1]):
        longest = buckets[-1][0][1] if buckets else 0
        if longest and (span[1] * 4 >= longest * 3 or longest <= 16):
            buckets[-1].append(span)
        else:
            buckets.append([span])
    return large + buckets


def _causal_blocks(spans: list[Span]) -> list[_Block]:
    """The kernel computes masked pairs too, so a long sequence is cut: parts of at least 128
    tokens, at most 8, each causal by itself and attending to all before it."""
    tokens, longest = _Tokens.of(spans), spans[0][1]
    parts = min(8, max(1, longest // 128))
    edges = [longest * i // parts for i in range(parts + 1)]
    blocks = []
    for start, end in pairwise(edges):
        part = tokens.part(start, end)
        blocks.append(_Block(part, part, causal=True))
        if start:
            blocks.append(_Block(part, tokens.part(0, start), causal=False))
    return blocks


def _branch_blocks(trees: Sequence[Tree]) -> list[_Block]:
    """All branches of a tree attend to its prompt; trees of the same size in one call."""
    same: dict[tuple[int, int], tuple[list[Span], list[Span]]] = {}
    for tree in trees:
        if tree.branches:
            start, end = tree.branches[0][0], sum(tree.branches[-1])
            branches, prompts = same.setdefault((end - start, tree.prompt[1]), ([], []))
            branches.append((start, end - start))
            prompts.append(tree.prompt)
    return [
        _Block(_Tokens.of(branches), _Tokens.of(prompts), causal=False)
        for branches, prompts in same.values()
    ]


class _BlockAttention(torch.autograd.Function):
    """Flash attention on each block; the blocks' outputs are averaged by exp(log-sum-exp).

    The backward pass of a block needs only the joint output and log-sum-exp: p = exp(s - lse) are
    then the joint probabilities. All tensors are [N, heads, D]. Every token is a query of one
    causal block, which comes first; the others add to it.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float, blocks: list[_Block]
    ) -> Tensor:
        out = torch.empty_like(query, memory_format=torch.contiguous_format)
        wide = torch.promote_types(query.dtype, torch.float32)
        lse = query.new_empty((*query.shape[:2], 1), dtype=wide)
        for block in blocks:
            q, k, v = block.queries.cut(query), block.keys.cut(key), block.keys.cut(value)
            part, part_lse = _flash(q, k, v, is_causal=block.causal, scale=scale)
            part_lse = part_lse[..., None]
            if block.causal:
                block.queries.paste(part, out)
            else:
                before_lse = block.queries.cut(lse)
                joint = torch.logaddexp(before_lse, part_lse)
                weight = (part_lse - joint).exp_().to(part.dtype)
                block.queries.mix(part, weight, out)
                part_lse = joint
            block.queries.paste(part_lse, lse)
        ctx.save_for_backward(query, key, value, out, lse)
        ctx.scale, ctx.blocks = scale, blocks
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, out, lse = ctx.saved_tensors
        d_query, d_key, d_value = (torch.empty_like(x) for x in (query, key, value))
        for block in ctx.blocks:
            q, k, v = block.queries.cut(query), block.keys.cut(key), block.keys.cut(value)
            g, o = block.queries.cut(grads[0], pad=0.0), block.queries.cut(out)
            # exp(score - inf) = 0: what pads ask for reaches no key
            block_lse = block.queries.cut(lse, pad=float("inf")).squeeze(-1)
            dq, dk, dv = _flash_backward(
                g, q, k, v, o, block_lse, 0.0, block.causal, scale=ctx.scale
            )
            put = _Tokens.paste if block.causal else _Tokens.add
            put(block.queries, dq, d_query)
            put(block.keys, dk, d_key)
            put(block.keys, dv, d_value)
        return d_query, d_key, d_value, None, None
