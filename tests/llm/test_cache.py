"""Answers that were given stay given."""

import multiprocessing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import CacheMiss, ConfigError
from guerdon.llm.cache import Cache, key_of
from guerdon.llm.reply import Reply, Usage

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.0}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_reply_outlives_the_process_that_asked(tmp_path):
    file = tmp_path / "deep" / "llm.sqlite"
    first = Cache(file)
    first.put(key_of(REQUEST), REQUEST, Reply("hello", "ok", Usage(3, 1)))
    first.close()
    again = Cache(file).get(key_of(REQUEST), "m")
    assert again == Reply("hello", "ok", Usage(3, 1), is_cached=True)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.randoms())
def test_the_order_of_keys_does_not_matter(request_body, chance):
    names = list(request_body)
    chance.shuffle(names)
    assert key_of({name: request_body[name] for name in names}) == key_of(request_body)


def test_whatever_an_answer_depends_on_is_in_the_key():
    others = [
        REQUEST | {"model": "n"},
        REQUEST | {"temperature": 0.5},
        REQUEST | {"stop": ["x"]},
        REQUEST | {"messages": [{"role": "system", "content": "hi"}]},
    ]
    assert len({key_of(body) for body in [REQUEST, *others]}) == 5


def test_the_first_answer_stays():
    cache = Cache()
    cache.put(b"k", REQUEST, Reply("first"))
    cache.put(b"k", REQUEST, Reply("second"))
    assert cache.get(b"k", "m").text == "first"


def test_a_refusal_is_not_kept_and_a_truncated_answer_is():
    cache = Cache()
    cache.put(b"r", REQUEST, Reply("no", "refused"))
    cache.put(b"t", REQUEST, Reply("begi", "truncated"))
    assert cache.get(b"r", "m") is None
    assert cache.get(b"t", "m").outcome == "truncated"


def test_off_neither_reads_nor_writes(tmp_path):
    cache = Cache(tmp_path / "x.sqlite", mode="off")
    cache.put(b"k", REQUEST, Reply("a"))
    assert cache.get(b"k", "m") is None
    assert not (tmp_path / "x.sqlite").exists()


def test_replay_reads_only_and_a_miss_is_an_error(tmp_path):
    file = tmp_path / "llm.sqlite"
    with pytest.raises(ConfigError, match="earlier run"):
        Cache(file, "replay")
    recorded = Cache(file)
    recorded.put(b"k", REQUEST, Reply("a"))
    replay = Cache(file, "replay")
    assert replay.get(b"k", "m").text == "a"
    replay.put(b"new", REQUEST, Reply("b"))
    with pytest.raises(CacheMiss, match="replay needs"):
        replay.get(b"new", "m")


def test_half_a_character_can_be_kept():
    cache = Cache()
    body = REQUEST | {"prompt": "\ud800"}
    cache.put(key_of(body), body, Reply("\ud800"))
    assert cache.get(key_of(body), "m").text == "\ud800"


def test_a_file_that_is_no_database_is_a_config_error(tmp_path):
    (tmp_path / "x").write_text("something else entirely, and long enough to be looked at" * 20)
    with pytest.raises(ConfigError, match="cannot use"):
        Cache(tmp_path / "x")


def write_many(file, start):
    cache = Cache(file)
    for number in range(start, start + 100):
        cache.put(str(number).encode(), REQUEST, Reply(str(number)))


def test_processes_share_a_file(tmp_path):
    file = tmp_path / "llm.sqlite"
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=write_many, args=(file, 50 * n)) for n in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    cache = Cache(file)
    assert all(cache.get(str(n).encode(), "m").text == str(n) for n in range(250))
