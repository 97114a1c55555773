"""KvCache: segments never overlap, and give back what was written."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.engines.kv_cache import KvCache, Segment, segment_size


def make(max_tokens: int = 256) -> KvCache:
    return KvCache(
        num_layers=2,
        num_heads=3,
        head_dim=4,
        max_tokens=max_tokens,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )


def write(cache: KvCache, segment: Segment, num_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    key, value = torch.randn(2, num_tokens, 3, 4)
    where = (np.full(num_tokens, n) for n in (segment.start, segment.capacity))
    cache.write(1, torch.from_numpy(cache.rows(*where, np.arange(num_tokens))), key, value)
    return key.transpose(0, 1), value.transpose(0, 1)


def test_segment_sizes_are_powers_of_two_of_at_least_16() -> None:
    assert [segment_size(n) for n in (0, 1, 16, 17, 32, 100)] == [16, 16, 16, 32, 32, 128]


def test_what_is_written_is_read() -> None:
    cache = make()
    segments = [cache.allocate(20) for _ in range(3)]
    assert all(s is not None for s in segments)
    written = [write(cache, s, 20) for s in segments if s is not None]
    other, (keys, values) = cache.slots(32, slice(0, 3), 20)
    assert torch.equal(keys, torch.stack([k for k, _ in written]))
    assert torch.equal(values, torch.stack([v for _, v in written]))
    keys, _ = cache.slots(32, slice(2, 3), 7)[1]
    assert torch.equal(keys[0], written[2][0][:, :7])
    assert not other[0].any()  # another layer


def test_views_see_what_is_written_later() -> None:
    cache = make()
    segment = cache.allocate(20)
    assert segment is not None
    _, (keys, values) = cache.slots(32, slice(0, 1), 20)
    key, value = write(cache, segment, 20)
    assert torch.equal(keys[0], key) and torch.equal(values[0], value)


def test_a_copy_in_a_wider_segment_reads_the_same() -> None:
    cache = make()
    narrow, wide = cache.allocate(16), cache.allocate(64)
    assert narrow is not None and wide is not None
    key, value = write(cache, narrow, 11)
    cache.copy(narrow, wide, 11)
    _, (keys, values) = cache.slots(64, slice(wide.slot, wide.slot + 1), 11)
    assert torch.equal(keys[0], key) and torch.equal(values[0], value)


def test_both_ends_are_filled_with_neighbours() -> None:
    cache = make()
    low = [cache.allocate(16) for _ in range(2)]
    high = [cache.allocate(16, high=True) for _ in range(2)]
    assert [s.start for s in low if s] == [0, 16]
    assert [s.start for s in high if s] == [240, 224]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(16, 500),
    st.lists(st.tuples(st.integers(1, 200), st.booleans(), st.integers(0, 3)), max_size=40),
)
def test_segments_never_overlap_and_all_room_comes_back(
    max_tokens: int, wishes: list[tuple[int, bool, int]]
) -> None:
    cache = make(max_tokens)
    held: list[Segment] = []
    for num_tokens, high, frees in wishes:
        segment = cache.allocate(num_tokens, high=high)
        if segment is not None:
            assert segment.capacity >= num_tokens
            assert segment.start % segment.capacity == 0
            assert segment.start + segment.capacity <= cache.max_tokens
            held.append(segment)
        taken = [t for s in held for t in range(s.start, s.start + s.capacity)]
        assert len(taken) == len(set(taken)) == cache.max_tokens - cache.free_tokens
        for _ in range(min(frees, len(held))):
            cache.free(held.pop(0))
    for segment in held:
        cache.free(segment)
    assert cache.free_tokens == cache.max_tokens
    whole = 1 << (cache.max_tokens.bit_length() - 1)
    assert cache.allocate(whole) is not None  # free neighbours were joined
