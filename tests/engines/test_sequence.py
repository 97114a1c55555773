"""StopStrings: finds a stop string when it is complete, whatever the tokens are."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.engines.sequence import StopStrings


def decode(ids: Sequence[int]) -> str:
    return bytes(ids).decode(errors="replace")


def first_stop(text: bytes, stops: list[str]) -> int | None:
    """How many tokens (bytes) are taken until a stop string is found."""
    watcher = StopStrings(stops, decode)
    for count, token in enumerate(text, 1):
        if watcher.found(token):
            return count
    return None


@given(
    st.text("ab\u00e9\u4e2d", max_size=40),
    st.lists(st.text("ab\u4e2d", min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_it_stops_at_the_first_end_of_any_stop_string(text: str, stops: list[str]) -> None:
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
    want = len(text[: min(ends)].encode()) if ends else None
    assert first_stop(text.encode(), stops) == want


def test_bytes_that_are_no_text_do_not_hide_a_stop_string() -> None:
    assert first_stop(b"\xff" * 30 + b"stop", ["stop"]) == 34


@pytest.mark.parametrize("length", [100, 1000])
def test_the_text_decoded_for_a_token_does_not_grow_with_the_reply(length: int) -> None:
    longest = 0

    def watch(ids: Sequence[int]) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return decode(ids)

    watcher = StopStrings(["never"], watch)
    assert not any(watcher.found(ord("a")) for _ in range(length))
    assert longest == 2
