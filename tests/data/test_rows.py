import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.data import rows
from guerdon.data.rows import RowFormat, last_boxed, prompt_key_of, read_task

PLAIN = RowFormat()


def task(row, **fields):
    return read_task(row, RowFormat(**fields)).task


def user(text):
    return ({"role": "user", "content": text},)


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"prompt": "Q?", "answer": "7"}, "7"),
        ({"prompt": [{"role": "user", "content": "Q?"}], "answer": 7}, "7"),
        ({"messages": [{"role": "user", "content": "Q?"}]}, None),
        ({"messages": json.dumps([{"role": "user", "content": "Q?"}]), "prompt": "other"}, None),
        ({"prompt": [{"role": "user", "content": [{"type": "text", "text": "Q?"}]}]}, None),
        ({"question": "Q?", "answer": "2*3 = <<2*3=6>>6\n#### 1,234"}, "1,234"),
        ({"question": "Q?", "answer": "# one\n#### 5\nno\n#### -6 "}, "-6"),
        ({"problem": "Q?", "solution": r"Not \boxed{1} but $\boxed{\frac{a_{1}}{2}}$."},
         r"\frac{a_{1}}{2}"),
        ({"problem": "Q?", "solution": r"\boxed{9}", "answer": "p - q"}, "p - q"),
        ({"question": "Q?", "golden_answer": "Röntgen"}, "Röntgen"),
        ({"question": "Q?", "answer": ["one"]}, "one"),
        ({"question": "Q?", "answer": ["one", "two"]}, '["one", "two"]'),
        ({"prompt": "Q?", "answer": "no", "reward_model": {"ground_truth": "8"}}, "8"),
    ],
)  # fmt: skip
def test_prompt_and_answer_are_found_by_content(row, answer):
    read = task(row)
    assert (read.prompt, read.answer) == (user("Q?"), answer)


def test_verls_schema_gives_domain_answer_and_extras():
    row = {
        "data_source": "gsm8k",
        "prompt": [{"content": "Q?", "role": "user"}],
        "ability": "math",
        "reward_model": {"ground_truth": "8", "style": "rule"},
        "extra_info": {"index": 3},
        "absent": None,
    }
    read = task(row)
    assert (read.domain, read.answer) == ("gsm8k", "8")
    assert read.info == {key: row[key] for key in row if key not in ("prompt", "absent")}


def test_ready_made_markup_and_doubled_braces_are_repaired_and_noted():
    text = (
        "<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\nQ?\nIn \\boxed{{}}.<|im_end|>\n"
        "<|im_start|>assistant\n<think>"
    )
    for value in (text, [{"role": "user", "content": text}]):
        read = read_task({"prompt": value, "answer": "1"}, PLAIN)
        system = {"role": "system", "content": "Help."}
        assert read.task.prompt == (system, *user("Q?\nIn \\boxed{}."))
        assert read.task.info["prefill"] == "<think>"
        assert read.notes == (rows.TEMPLATED, rows.PREFILL, rows.BOXED)


def test_markup_quoted_in_a_question_stays_text_and_is_noted():
    read = read_task({"prompt": "What is <|im_start|>?", "answer": "a token"}, PLAIN)
    assert read.task.prompt == user("What is <|im_start|>?")
    assert read.notes == (rows.LITERAL,)


def test_the_reply_of_a_conversation_is_not_part_of_the_prompt():
    row = {"messages": [*user("Q?"), {"role": "assistant", "content": "A."}]}
    read = read_task(row, PLAIN)
    assert read.task.prompt == user("Q?")
    assert read.notes == (rows.REPLY, rows.NO_ANSWER)


def test_overrides_choose_keys_and_add_text():
    row = {"prompt": "no", "extra_info": {"q": "Q?"}, "ref": "1", "kind": 4, "data_source": "x"}
    read = task(
        row,
        prompt_key="extra_info.q",
        answer_key="ref",
        domain_key="kind",
        system="Be brief.",
        instruction="In \\boxed{}.",
    )
    system = {"role": "system", "content": "Be brief."}
    assert read.prompt == (system, *user("Q?\nIn \\boxed{}."))
    assert (read.answer, read.domain) == ("1", "4")
    assert task(row, domain="mine").domain == "mine"


def test_an_instruction_that_the_prompt_brings_along_is_not_said_twice():
    asked = task({"prompt": "Q?\nIn \\boxed{}."}, instruction="In \\boxed{}.")
    assert asked.prompt == user("Q?\nIn \\boxed{}.")


def test_the_configured_system_message_takes_the_place_of_the_rows():
    row = {"prompt": [{"role": "system", "content": "old"}, *user("Q?")]}
    assert task(row, system="new").prompt[0] == {"role": "system", "content": "new"}
    assert len(task(row, system="new").prompt) == 2


def test_ids_are_the_rows_own_or_depend_on_prompt_and_answer_alone():
    first = task({"question": "Q?", "answer": "1", "idx": 1, "data_source": "a"})
    assert first.id == task({"prompt": "Q?", "answer": "1", "idx": 2}).id
    assert first.id != task({"prompt": "Q?", "answer": "2"}).id
    assert task({"task_id": 0, "prompt": "Q?"}).id == "0"
    # Pinned: ids of earlier runs must keep their meaning.
    assert first.id == rows.content_id(user("Q?"), "1") == "38b6f04504b76c8b"


def test_prompts_that_differ_in_white_space_or_system_message_ask_the_same():
    first = task({"prompt": "a  b?\n", "answer": "1"})
    second = task({"prompt": "a b?", "answer": "2"}, system="S")
    assert prompt_key_of(first) == prompt_key_of(second)
    assert prompt_key_of(first) != prompt_key_of(task({"prompt": "a c?"}))


def test_info_is_json_like():
    row = {"prompt": "Q?", "day": datetime.date(2020, 1, 2), "score": float("nan")}
    assert task(row).info == {"day": "2020-01-02", "score": None}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"input": "Q?", "label": None}, "no prompt: set prompt_key to one of its keys: input"),
        ({"prompt": "  "}, "the prompt is empty"),
        ({"prompt": []}, "at least one message"),
        ({"prompt": 3}, "at least one message"),
        ({"prompt": [{"role": "bot", "content": "x"}]}, "message 1 has the role 'bot'"),
        ({"prompt": [{"role": "user", "content": None}]}, "message 1 has no text"),
        ({"prompt": [{"role": "user", "content": [{"type": "image"}]}]}, "part that is not text"),
        ({"prompt": [*user("a"), {"role": "system", "content": "b"}]}, "message 2 is a system"),
        ({"prompt": [{"role": "system", "content": "b"}]}, "no user message at its end"),
        ({"messages": "hello"}, "not a JSON list"),
        ({"prompt": "\ud800"}, "lone surrogate"),
        ({"prompt": "Q?", "answer": " "}, "'answer' is empty"),
        ({"problem": "Q?", "solution": "forty"}, "its solution has no"),
        ({"problem": "Q?", "solution": r"\boxed{}"}, "is empty"),
    ],
)
def test_a_malformed_row_says_what_is_wrong(row, message):
    with pytest.raises(ValueError, match=message):
        read_task(row, PLAIN)


@pytest.mark.parametrize("key", ["prompt_key", "answer_key", "domain_key"])
def test_a_row_without_the_key_that_was_asked_for_is_malformed(key):
    with pytest.raises(ValueError, match=rf"no 'x\.y' \({key}\)"):
        task({"prompt": "Q?", "x": 1}, **{key: "x.y"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{a} \boxed {b}", "b"),
        (r"\fbox{7}", "7"),
        (
            r"\boxed{\left\{1, \frac{2}{x^{y_{3}}}\right\}}",
            r"\left\{1, \frac{2}{x^{y_{3}}}\right\}",
        ),
        (r"\boxed{ok} then \boxed{open", "ok"),
        (r"\boxed 5", None),
        ("none", None),
    ],
)
def test_the_last_closed_box_counts_and_escaped_braces_do_not(text, expected):
    assert last_boxed(text) == expected


@given(st.recursive(st.sampled_from(["x", "1", r"\{"]), lambda s: s.map(lambda t: "{" + t + "}y")))
def test_any_nesting_comes_out_of_its_box_whole(inner):
    assert last_boxed(rf"so \boxed{{{inner}}} it is") == inner
