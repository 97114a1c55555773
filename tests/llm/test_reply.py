"""What a response means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.llm.reply import CallFailed, Reply, Usage, read_reply


def response(content="hi", reason="stop", **choice):
    return {
        "choices": [{"message": {"content": content}, "finish_reason": reason} | choice],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }


def test_outcomes_are_told_apart():
    assert read_reply(response()) == Reply("hi", "ok", Usage(5, 2))
    assert read_reply(response(reason="length")).outcome == "truncated"
    assert read_reply(response(reason="content_filter")).outcome == "refused"
    refused = response(message={"content": None, "refusal": "No."})
    assert read_reply(refused) == Reply("No.", "refused", Usage(5, 2))


def test_an_empty_reply_is_a_reply():
    assert read_reply(response(content="")) == Reply("", "ok", Usage(5, 2))
    assert read_reply(response(content=None)).text == ""


def test_raw_completions_have_their_text_elsewhere():
    payload = {"choices": [{"text": " and so on", "finish_reason": "stop"}]}
    assert read_reply(payload) == Reply(" and so on", "ok", Usage())


def test_the_stop_string_is_part_of_the_reply_where_the_server_names_it():
    assert read_reply(response("a", stop_reason="END")).text == "aEND"
    assert read_reply(response("a", stop_reason=128009)).text == "a"


def test_usage_that_makes_no_sense_is_unknown():
    payload = response()
    for usage in ({}, None, {"prompt_tokens": -3, "completion_tokens": 1}, {"prompt_tokens": "7"}):
        assert not read_reply(payload | {"usage": usage}).usage.is_known
    details = {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}}
    assert read_reply(payload | {"usage": details}).usage == Usage(5, 0, 5)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"message": 3}]},
        {"choices": [{"text": 3, "finish_reason": "stop"}]},
        response(reason=None),
    ],
)
def test_what_does_not_follow_the_protocol_is_no_reply(payload):
    with pytest.raises(CallFailed) as failure:
        read_reply(payload)
    assert failure.value.retryable
    assert failure.value.may_be_billed


@given(st.text(), st.sampled_from(["ok", "truncated"]))
def test_a_reply_survives_the_cache(text, outcome):
    reply = Reply(text, outcome, Usage(3, 4, 1))
    assert Reply.load(reply.dump()) == Reply(text, outcome, Usage(3, 4, 1), is_cached=True)
