"""What a response means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.llm.reply import CallFailed, Reply, Usage, add_logprobs, read_reply
from guerdon.types import Place


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


def test_a_reply_that_the_server_broke_off_is_none():
    """vLLM ends the replies under way with "abort" when it stops (`v1/engine/__init__.py`)."""
    for reason in ("abort", "error"):
        with pytest.raises(CallFailed, match=f"broke the reply off .*{reason}") as failure:
            read_reply(response("Final Decision: Y", reason=reason))
        assert failure.value.retryable and failure.value.may_be_billed
    assert read_reply(response("ha ha ha", reason="repetition")).outcome == "truncated"


def test_an_empty_reply_is_a_reply():
    assert read_reply(response(content="")) == Reply("", "ok", Usage(5, 2))
    assert read_reply(response(content=None)).text == ""


def test_raw_completions_have_their_text_elsewhere():
    payload = {"choices": [{"text": " and so on", "finish_reason": "stop"}]}
    assert read_reply(payload) == Reply(" and so on", "ok", Usage())


def test_the_stop_string_is_part_of_the_reply_where_the_server_names_it():
    assert read_reply(response("a", stop_reason="END")).text == "aEND"
    assert read_reply(response("a", stop_reason=128009)).text == "a"


CHAT_LOGPROBS = {
    "content": [
        {"token": "Yes", "logprob": -0.1, "bytes": [89], "top_logprobs": [
            {"token": "Yes", "logprob": -0.1, "bytes": [89]},
            {"token": "No", "logprob": -2.5, "bytes": [78]},
        ]},
    ]
}  # fmt: skip
RAW_LOGPROBS = {
    "tokens": ["Yes"],
    "token_logprobs": [-0.1],
    "top_logprobs": [{"Yes": -0.1, "No": -2.5}],
    "text_offset": [0],
}
PLACES = (Place("Yes", (("Yes", -0.1), ("No", -2.5))),)
ASKED = {"logprobs": True, "top_logprobs": 2}


@pytest.mark.parametrize(
    ("choice", "asked"),
    [
        ({"message": {"content": "Yes"}, "logprobs": CHAT_LOGPROBS}, ASKED),
        ({"text": "Yes", "logprobs": RAW_LOGPROBS}, {"prompt": "?", "logprobs": 2}),
    ],
)
def test_the_likeliest_tokens_are_read_where_they_were_asked_for(choice, asked):
    payload = {"choices": [choice | {"finish_reason": "stop"}]}
    found = read_reply(payload, asked)
    assert (found.text, found.places) == ("Yes", PLACES)
    assert Reply.load(found.dump()).places == PLACES
    assert read_reply(payload).places == ()


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": []}])
def test_log_probs_that_were_asked_for_and_are_not_there_are_a_failure(logprobs):
    with pytest.raises(CallFailed, match="no log-probabilities of the likeliest") as failure:
        read_reply(response("Yes", logprobs=logprobs), ASKED)
    assert (failure.value.retryable, failure.value.may_be_billed) == (False, True)


@pytest.mark.parametrize("value", [None, "-1", 0.5, float("nan"), True])
def test_what_is_no_log_prob_is_no_reply(value):
    entry = {"token": "Yes", "top_logprobs": [{"token": "Yes", "logprob": value}]}
    with pytest.raises(CallFailed, match="is no log-probability"):
        read_reply(response("Yes", logprobs={"content": [entry]}), ASKED)


def test_the_log_probs_of_a_stream_come_in_pieces():
    for whole, names in ((CHAT_LOGPROBS, ["content"]), (RAW_LOGPROBS, list(RAW_LOGPROBS))):
        choice = {}
        for piece in (None, whole, whole):
            add_logprobs(choice, piece)
        assert all(choice["logprobs"][name] == 2 * whole[name] for name in names)


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
