import pytest

from guerdon.data.markup import Templated, parse


def m(role, content):
    return {"role": role, "content": content}


ASKED = (m("system", "Be brief."), m("user", "1+1?"))


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n"
        "<|im_start|>assistant\n",
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n1+1? [/INST]",
    ],
)
def test_a_ready_made_prompt_is_parsed_back(text):
    assert parse(text) == Templated(ASKED)


def test_gemma_turns_have_the_role_model():
    text = (
        "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n"
        "<start_of_turn>user\n1+1?<end_of_turn>\n<start_of_turn>model\n"
    )
    assert parse(text) == Templated((m("user", "Hi"), m("assistant", "Hello"), m("user", "1+1?")))


def test_a_mistral_conversation_keeps_its_replies():
    text = "<s>[INST] Hi [/INST] Hello</s>[INST] 1+1? [/INST]"
    assert parse(text) == Templated((m("user", "Hi"), m("assistant", "Hello"), m("user", "1+1?")))


def test_a_reply_that_was_begun_is_kept_apart():
    text = "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n<think>"
    assert parse(text) == Templated((m("user", "1+1?"),), prefill="<think>")
    assert parse("[INST] 1+1? [/INST] It is").prefill == "It is"


@pytest.mark.parametrize(
    "text", ["1+1?", "", "What does <|im_start|>user mean?", "Explain [INST] and [/INST]."]
)
def test_plain_text_is_not_markup(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<|im_start|>wizard\nHi<|im_end|>", "unknown role 'wizard'"),
        (
            "<|im_start|>user\nHi<|im_end|>stray<|im_start|>assistant\n",
            "between its turns: 'stray'",
        ),
        ("[INST] Hi", "not closed"),
    ],
)
def test_broken_markup_is_an_error_and_never_half_read(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)
