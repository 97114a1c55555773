"""Packs: every token once, prompts shared, nothing padded."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.batch import Batch
from guerdon.learner.packing import Pack, Tree, pack
from policy_rows import make_row, mixed_rows


def visible(packed: Pack, batch: Batch) -> list[list[int]]:
    """The tokens each action token is predicted from, rebuilt from trees and positions."""
    contexts = []
    spans = [(tree, span) for tree in packed.trees for span in (tree.prompt, *tree.branches)]
    for source in packed.sources.tolist():
        tree, (start, _) = next((t, s) for t, s in spans if s[0] <= source < sum(s))
        places = list(range(start, source + 1))
        if (start, source) != tree.prompt and start != tree.prompt[0]:
            places = [*range(*_ends(tree)), *places]
        assert packed.position_ids[places].tolist() == list(range(len(places)))
        contexts.append(packed.token_ids[places].tolist())
    return contexts


def _ends(tree: Tree) -> tuple[int, int]:
    return tree.prompt[0], sum(tree.prompt)


@pytest.mark.parametrize("micro_tokens", [1, 10, 60, 16_384])
@pytest.mark.parametrize("share_prompts", [True, False])
def test_every_action_token_is_predicted_once_from_exactly_its_past(
    micro_tokens: int, share_prompts: bool
) -> None:
    batch, seen = mixed_rows(), []
    for packed in pack(batch, micro_tokens, share_prompts=share_prompts):
        rows, columns = packed.rows[packed.action_rows], packed.action_columns
        for row, column, context in zip(rows, columns, visible(packed, batch), strict=True):
            assert context == batch.token_ids[row, :column].tolist()
            seen.append((int(row), int(column)))
    assert sorted(seen) == [tuple(place) for place in batch.action_mask.nonzero().tolist()]


def test_a_shared_prompt_is_laid_out_once() -> None:
    prompt = list(range(3, 103))
    rows = [make_row("a", prompt, [([i, i, i], [])]) for i in range(8)]
    packed = list(pack(Batch.from_trajectories(rows), 16_384))
    assert [p.num_tokens for p in packed] == [100 + 8 * 2]
    alone = list(pack(Batch.from_trajectories(rows), 16_384, share_prompts=False))
    assert [p.num_tokens for p in alone] == [8 * 102]


def test_rows_of_one_group_with_different_prompts_share_nothing() -> None:
    rows = [make_row("a", [5, 6], [([7], [])]), make_row("a", [5, 8], [([7], [])])]
    (packed,) = pack(Batch.from_trajectories(rows), 100)
    assert packed.token_ids.tolist() == [5, 6, 5, 8]
    assert packed.position_ids.tolist() == [0, 1, 0, 1]


def test_a_group_that_fits_a_micro_batch_is_not_split() -> None:
    rows = [
        make_row(group, [start] * 10, [([start] * 11, [])])
        for group, start in (("a", 3), ("b", 4), ("c", 5))
        for _ in range(4)
    ]
    packed = list(pack(Batch.from_trajectories(rows), 120))
    assert [p.num_tokens for p in packed] == [100, 50] or [len(p.trees) for p in packed] == [2, 1]
    tight = list(pack(Batch.from_trajectories(rows), 60))
    assert [p.num_tokens for p in tight] == [50, 50, 50]


@given(
    lengths=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 20)), min_size=1, max_size=12),
    budget=st.integers(1, 80),
)
@settings(max_examples=40, deadline=None)
def test_only_a_row_that_is_longer_alone_exceeds_the_budget(
    lengths: list[tuple[int, int]], budget: int
) -> None:
    rows = [make_row(str(g), [g + 3] * (g + 1), [([9] * own, [])]) for g, own in lengths]
    for packed in pack(Batch.from_trajectories(rows), budget):
        assert packed.num_tokens <= budget or len(packed.rows) == 1


def test_a_row_without_a_prompt_is_refused() -> None:
    rows = Batch.from_trajectories([make_row("a", [], [([4, 5], [])])])
    with pytest.raises(ValueError, match="row 0 starts with an action token"):
        list(pack(rows, 10))


def test_moving_a_pack_moves_its_tensors() -> None:
    (packed,) = pack(mixed_rows(), 16_384)
    moved = packed.to("meta")
    assert moved.sources.is_meta
    assert moved.trees is packed.trees
    assert isinstance(packed.sources, torch.Tensor)
