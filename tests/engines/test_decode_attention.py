"""A decoding step as compiled code attends as `CachedLayout` does."""

import pytest
import torch
from torch import Tensor

from guerdon.engines.conversation_cache import Conversation, Head
from guerdon.engines.decode_attention import DecodeLayout
from guerdon.engines.kv_cache import KvCache
from guerdon.engines.step_plan import Span, layout_of
from guerdon.fused import compiled

pytestmark = pytest.mark.skipif(compiled.library() is None, reason="there is no C compiler")


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def cache_of(dim: int) -> KvCache:
    cache = KvCache(
        num_layers=2,
        num_heads=2,
        head_dim=dim,
        max_tokens=1024,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    cache._store.copy_(random(*cache._store.shape))
    return cache


def a_step(cache: KvCache) -> list[Span]:
    """Three conversations with one head, one of which does not see its last token, and one with a
    head of its own and a long tail."""
    shared, lonely = (
        Head(tuple(range(count)), cache.allocate(count, high=True), count) for count in (20, 70)
    )
    spans = []
    for head, head_length, tail_length in (
        (shared, 20, 0),
        (shared, 20, 7),
        (shared, 19, 1),
        (lonely, 70, 40),
    ):
        tail = cache.allocate(50)
        conversation = Conversation(head, head_length, tail, tail_length)
        spans.append(Span(conversation, tail, tail_length, head_length, [5], 0))
    return spans


@pytest.mark.parametrize("dim", [4, 10, 32, 64, 128])
@pytest.mark.parametrize("window", [None, 1, 5, 30, 1000])
@pytest.mark.parametrize("joint", [True, False])
def test_it_attends_as_torch_does(monkeypatch, dim: int, window: int | None, joint: bool) -> None:
    cache, other = cache_of(dim), cache_of(dim)
    rows = random(4, 10, dim)  # of each token 6 queries, 2 keys, 2 values
    parts = [part.transpose(0, 1) for part in rows.split((6, 2, 2), 1)]
    if not joint:
        parts = [part.contiguous() for part in parts]
    ids, positions, layout = layout_of(a_step(cache), cache, torch.device("cpu"))
    assert isinstance(layout, DecodeLayout)
    monkeypatch.setattr(compiled, "library", lambda: None)
    same_ids, same_positions, want = layout_of(a_step(other), other, torch.device("cpu"))
    assert not isinstance(want, DecodeLayout)
    assert torch.equal(ids, same_ids) and torch.equal(positions, same_positions)
    monkeypatch.undo()
    for layer in range(2):
        found = layout.attend(layer, *parts, 0.3, window)
        torch.testing.assert_close(found, want.attend(layer, *parts, 0.3, window))
        assert torch.equal(cache._store, other._store), "the new keys and values are elsewhere"


def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    rows, threads = random(4, 10, 32), torch.get_num_threads()
    parts = [part.transpose(0, 1) for part in rows.split((6, 2, 2), 1)]
    found = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            cache = cache_of(32)
            _, _, layout = layout_of(a_step(cache), cache, torch.device("cpu"))
            found.append(layout.attend(0, *parts, 0.3, None))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_a_head_that_is_computed_in_the_step_is_no_decoding() -> None:
    cache = cache_of(32)
    spans = a_step(cache)
    head = Head((1,), cache.allocate(1, high=True))
    spans.append(Span(head, head.segment, 0, 0, [1], 1))
    _, _, layout = layout_of(spans, cache, torch.device("cpu"))
    assert not isinstance(layout, DecodeLayout)
