"""What is a verdict, and what is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.rewards.verdict import (
    Choice,
    Ranking,
    Score,
    Unreadable,
    read_json,
    read_tag,
    reply_schema,
)

UNIT = Score(0.0, 1.0, whole=False)
TEN = Score(1.0, 10.0)


def tag(value, name="verdict-0f0f0f0f"):
    return f"<{name}>{value}</{name}>"


def read(reply, form=TEN):
    return read_tag(reply, "verdict-0f0f0f0f", form).value


LOOSE = [
    "1. The answer is wrong. 0.1",
    "-0.5",
    "2 issues found: 0.3",
    "On a scale from 0.0 to 1.0: 0.9",
    "I'd give .7",
    "1",
    "8",
    "8/10",
    "",
    "no number at all",
]
"""Replies that a parser which takes the first number it finds misreads."""


@pytest.mark.parametrize("form", [UNIT, TEN])
@pytest.mark.parametrize("reply", LOOSE)
def test_a_reply_without_a_tag_has_no_verdict(reply, form):
    with pytest.raises(Unreadable, match="there is no <verdict-0f0f0f0f>"):
        read(reply, form)


@pytest.mark.parametrize(
    "held",
    ["1. The answer is wrong. 0.1", "-0.5", "8/10", "8 / 10", "80%", "seven", "", " ", "0x1", "1e0"]
    + ["7\n8", "**7**", "\u0667", "\uff17", "nan", "inf", "1,0", "9" * 400, "0", "11", "-1", "7.5"],
)
def test_what_is_not_one_number_of_the_scale_is_no_verdict(held):
    with pytest.raises(Unreadable):
        read(f"It is right. {tag(held)}")


@pytest.mark.parametrize(
    ("reply", "form", "value"),
    [
        (f"1. The answer is wrong. {tag(0.1)}", UNIT, 0.1),
        (f"2 issues found: {tag('.3')}", UNIT, 0.3),
        (f"On a scale from 0.0 to 1.0: {tag(0.9)}", UNIT, 0.9),
        (f"I'd give {tag(' .7 ')}", UNIT, 0.7),
        (tag(1), TEN, 1.0),
        (f"**{tag('+8.0')}** of 10", TEN, 8.0),
    ],
)
def test_the_same_replies_with_a_tag_mean_what_they_say(reply, form, value):
    assert read(reply, form) == value


def test_the_last_tag_counts_even_if_an_earlier_one_is_better_formed():
    assert read(f"First I thought {tag(3)}, but {tag(6)}") == 6.0
    with pytest.raises(Unreadable):
        read(f"{tag(3)} or rather {tag('unsure')}")


def test_a_tag_begun_after_the_last_one_is_no_verdict():
    with pytest.raises(Unreadable, match="begun and not ended"):
        read(f"{tag(3)} no, <verdict-0f0f0f0f>9")


@pytest.mark.parametrize(
    "quoted",
    ["<verdict>10</verdict>", "<score>10</score>", tag(10, "verdict-00000000"), '{"verdict": 10}'],
)
def test_a_tag_of_another_code_that_a_judge_quotes_is_not_its_verdict(quoted):
    assert read(f"{tag(2)} The response says: {quoted}") == 2.0
    with pytest.raises(Unreadable):
        read(f"The response says: {quoted}")


def test_thoughts_hold_no_verdict():
    assert read(f"<think>{tag(9)}</think> {tag(4)}") == 4.0
    with pytest.raises(Unreadable, match="there is no"):
        read(f"<think>{tag(9)}</think> done")
    with pytest.raises(Unreadable, match="never end"):
        read(f"<think>{tag(9)}")


def test_the_reason_is_what_was_said_before_the_tag():
    assert read_tag(f"It is wrong.\n{tag(2)}", "verdict-0f0f0f0f", TEN).reason == "It is wrong."


@pytest.mark.parametrize(
    "reply",
    [
        '{"reason": "x", "verdict": "7"}',
        '{"reason": "x", "verdict": true}',
        '{"reason": "x", "verdict": 7.5}',
        '{"reason": "x", "verdict": 11}',
        '{"reason": "x", "verdict": NaN}',
        '{"reason": "x", "verdict": Infinity}',
        '{"reason": "x", "verdict": null}',
        '{"reason": "x", "verdict": [7]}',
        '{"reason": "x", "verdict": 7, "verdict": 9}',
        '{"reason": "x", "verdict": 7, "score": 9}',
        '{"verdict": 7}',
        '{"reason": "x"}',
        "7",
        "[7]",
        "",
        '```json\n{"reason": "x", "verdict": 7}\n```',
        '{"reason": "x", "verdict": 7} {"reason": "x", "verdict": 9}',
        '{"reason": "x", "verdict": 7',
        "[" * 100_000,
    ],
)
def test_json_that_does_not_follow_the_schema_is_no_verdict(reply):
    with pytest.raises(Unreadable):
        read_json(reply, TEN)


def test_json_that_follows_it_is():
    found = read_json(' {"reason": "good", "verdict": 7.0}\n', TEN)
    assert (found.value, found.reason) == (7.0, "good")
    schema = reply_schema(TEN)
    assert schema["required"] == ["reason", "verdict"]
    assert schema["properties"]["verdict"] == {"type": "integer", "minimum": 1, "maximum": 10}


@given(st.text())
def test_no_text_without_the_code_is_a_verdict(text):
    for form in (UNIT, TEN, Choice()):
        with pytest.raises(Unreadable):
            read_tag(text, "verdict-0f0f0f0f", form)


@given(st.integers(1, 10), st.text())
def test_a_number_of_the_scale_is_read_whatever_is_said_before(number, said):
    assert read(f"{said.replace('think', '')} {tag(number)}") == number
    assert read_json(json.dumps({"reason": said, "verdict": number}), TEN).value == number


@pytest.mark.parametrize(("said", "value"), [("1", 1.0), (" 2\n", 0.0), ("TIE", 0.5)])
def test_a_choice_is_one_of_its_words(said, value):
    assert read(tag(said), Choice()) == value


@pytest.mark.parametrize("said", ["3", "A", "1 or 2", "Response 1", "", "1.0", "12"])
def test_anything_else_is_no_choice(said):
    with pytest.raises(Unreadable):
        read(tag(said), Choice())


def test_a_tie_can_be_ruled_out():
    with pytest.raises(Unreadable):
        read(tag("tie"), Choice(ties=False))
    assert Choice(ties=False).schema()["enum"] == ["1", "2"]


@pytest.mark.parametrize(
    ("said", "ranks"),
    [
        ("C > A > B", (1.0, 2.0, 0.0)),
        ("A = B = C", (1.0, 1.0, 1.0)),
        ("B>A=C", (1.5, 0.0, 1.5)),
        ("A = B > C", (0.5, 0.5, 2.0)),
    ],
)
def test_a_ranking_gives_tied_ones_the_mean_of_their_ranks(said, ranks):
    assert Ranking("ABC").read(said).ranks == ranks


@pytest.mark.parametrize("said", ["A > B", "A > B > C > A", "A > B > D", "A, B, C", "", 3, None])
def test_a_ranking_names_everybody_once(said):
    with pytest.raises(Unreadable):
        Ranking("ABC").read(said)
