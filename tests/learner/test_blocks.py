"""Attention in blocks, and FlexAttention, against one masked attention over all pairs."""

import pytest
import torch
from torch import Tensor

from guerdon.attention import Layout
from guerdon.batch import Batch
from guerdon.learner.blocks import BlockLayout
from guerdon.learner.masked import DenseLayout, FlexLayout, visibility
from guerdon.learner.packing import Pack, pack
from policy_rows import make_row, mixed_rows


def long_rows() -> Batch:
    """Prompts and branches that are cut into parts, regular and ragged."""
    return Batch.from_trajectories(
        [
            *[make_row("a", [3] * 300, [([4] * 70, [])]) for _ in range(3)],
            *[make_row("b", [5] * 300, [([4] * 70, [])]) for _ in range(3)],
            make_row("c", [6] * 290, [([7] * 600, [])]),
            make_row("c", [6] * 290, [([7] * 520, [])]),
        ]
    )


def groups(*sizes: tuple[int, int, int]) -> Pack:
    """Groups of (tokens of the prompt, rows, tokens of each reply)."""
    rows = [
        make_row(str(number), [3 + number] * prompt, [([2] * reply, [])])
        for number, (prompt, count, reply) in enumerate(sizes)
        for _ in range(count)
    ]
    return next(iter(pack(Batch.from_trajectories(rows), 16_384)))


def random_heads(tokens: int, *, heads: int = 4, kv_heads: int = 2, size: int = 8) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = [(heads, tokens, size), (kv_heads, tokens, size), (kv_heads, tokens, size)]
    return [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes]


def run(layout: Layout, heads: list[Tensor], window: int | None) -> tuple[Tensor, list[Tensor]]:
    out = layout.attend(0, *heads, 0.3, window)
    weight = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    return out, list(torch.autograd.grad((out * weight).sum(), heads))


def packs() -> list[Pack]:
    return [
        next(iter(pack(mixed_rows(), 16_384))),
        next(iter(pack(mixed_rows(), 16_384, share_prompts=False))),
        next(iter(pack(long_rows(), 16_384))),
        groups((70, 6, 15), (70, 6, 15), (70, 6, 15), (70, 6, 15)),
        groups((70, 6, 15), (40, 3, 9), (70, 6, 15)),  # of one size, and not neighbours
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("window", [None, 4096, 5])
def test_blocks_are_the_masked_attention(number: int, window: int | None) -> None:
    packed = packs()[number]
    heads = random_heads(packed.num_tokens)
    expected, gradients = run(DenseLayout(packed), heads, window)
    found, found_gradients = run(BlockLayout(packed), heads, window)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)
    for mine, theirs in zip(found_gradients, gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-11, rtol=1e-11)


def test_long_sequences_and_branches_leave_most_masked_pairs_out() -> None:
    packed = packs()[2]
    pairs = sum(
        block.queries.cut(torch.empty(packed.num_tokens, 1, 1)).numel()
        * block.keys.cut(torch.empty(packed.num_tokens, 1, 1)).shape[2]
        for block in BlockLayout(packed).blocks
    )
    tokens = torch.arange(packed.num_tokens)
    seen = int(visibility(packed, None)(tokens[:, None], tokens).sum())
    assert pairs < 1.5 * seen


def test_groups_of_one_size_are_three_calls() -> None:
    packed = packs()[3]
    prompts, replies, replies_to_prompts = BlockLayout(packed).blocks
    assert prompts.causal and replies.causal and not replies_to_prompts.causal
    for block in (prompts, replies, replies_to_prompts):
        assert block.queries.regular and block.keys.regular  # read in place


@pytest.mark.parametrize("window", [None, 5])
def test_flex_attention_reads_the_same_mask(window: int | None) -> None:
    packed = packs()[0]
    heads = [x.detach().float() for x in random_heads(packed.num_tokens, size=16)]
    with torch.no_grad():
        expected = DenseLayout(packed).attend(0, *heads, 0.3, window)
        found = FlexLayout(packed).attend(0, *heads, 0.3, window)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_values_of_another_size_than_keys_are_attended_to() -> None:
    packed = packs()[0]
    query, key, _ = random_heads(packed.num_tokens)
    value = torch.randn(2, packed.num_tokens, 6, dtype=torch.float64)
    found = BlockLayout(packed).attend(0, query, key, value, 0.3, None)
    assert found.shape == (packed.num_tokens, 4, 6)
