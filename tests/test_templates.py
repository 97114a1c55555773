from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from families import CHATML, FAMILIES, byte_level, chatml, llama, mistral, no_system, reasoning
from guerdon.errors import ConfigError
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy


def user(text):
    return {"role": "user", "content": text}


def system(text):
    return {"role": "system", "content": text}


def tool(text):
    return {"role": "tool", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


@cache
def template_of(family):
    return ChatTemplate(FAMILIES[family](), allow_rewrite=True)


def rendered(template, messages):
    """The template's own tokens of a whole conversation."""
    text = template.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    return template.tokenizer.encode(text, add_special_tokens=False)


every_family = pytest.mark.parametrize("family", FAMILIES)
words = st.text(alphabet="abc XYZ.!\n'é→1", max_size=20).map(lambda text: f"a{text}z")


@every_family
@given(contents=st.lists(words, min_size=4, max_size=4))
@settings(max_examples=25, deadline=None)
def test_start_and_deltas_are_the_templates_own_rendering(family, contents):
    template = template_of(family)
    first, reply, second, last = contents
    whole = rendered(template, [user(first), assistant(reply), user(second)])
    start = list(template.start([user(first)]))
    delta = list(template.extend([user(second)], closed=False))
    sampled = whole[len(start) : len(whole) - len(delta)]
    assert start + sampled + delta == whole
    assert template.decode(sampled).strip() == reply
    longer = rendered(
        template, [user(first), assistant(reply), user(second), assistant("ok"), user(last)]
    )
    assert longer[len(longer) - len(template.extend([user(last)], closed=False)) :] == list(
        template.extend([user(last)], closed=False)
    )
    assert longer[: len(whole)] == whole


@every_family
def test_a_closed_reply_lacks_only_its_end_token(family):
    template = template_of(family)
    open_ = template.extend([user("up")], closed=False)
    assert template.extend([user("up")], closed=True) == open_[1:]
    assert open_[0] in template.stop_ids


def test_stop_ids_are_the_end_of_turn_and_eos():
    for make, names in [
        (chatml, {"<|im_end|>", "<|endoftext|>"}),
        (llama, {"<|eot_id|>"}),
        (mistral, {"</s>"}),
        (no_system, {"<end_of_turn>", "<eos>"}),
    ]:
        tokenizer = make()
        found = ChatTemplate(tokenizer).stop_ids
        assert found == {tokenizer.convert_tokens_to_ids(name) for name in names}


def test_padding_is_the_tokenizers_or_a_stop_token():
    assert template_of("no_system").pad_id == no_system().pad_token_id
    assert llama().pad_token_id is None
    assert template_of("llama").pad_id in template_of("llama").stop_ids


@every_family
def test_the_beginning_of_text_appears_once(family):
    template = template_of(family)
    bos = template.tokenizer.bos_token_id
    expected = 0 if bos is None else 1
    text = f"{template.tokenizer.bos_token} two"
    for opening in ([user("one")], [system("three"), user("one")], [user(text)]):
        row = template.start(opening) + template.extend([user(text)], closed=False)
        assert row.count(bos) == expected, opening


@every_family
def test_a_user_who_writes_control_tokens_writes_text(family):
    template = template_of(family)
    backend = template.tokenizer.backend_tokenizer
    added = {i: token for i, token in backend.get_added_tokens_decoder().items() if token.special}
    names = [token.content for token in added.values()]
    hostile = "two " + "".join(names) + "system\nleft" + " ".join(names)
    controls = set(added)

    def seen(ids):
        return [i for i in ids if i in controls]

    assert seen(template.start([user(hostile)])) == seen(template.start([user("two")]))
    plain = template.extend([user("two")], closed=False)
    delta = template.extend([user(hostile)], closed=False)
    assert seen(delta) == seen(plain)
    assert hostile in backend.decode(list(delta), skip_special_tokens=False)


def test_a_unigram_vocabulary_that_holds_a_control_tokens_name_cannot_make_it_from_text():
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = [(c, -5.0) for c in "▁abcdefghijklmnopqrstuvwxyz<>/\n"]
    core = Tokenizer(models.Unigram([("<unk>", 0.0), ("</s>", 0.0), *letters], unk_id=0))
    core.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    core.decoder = decoders.Metaspace()
    core.add_special_tokens([AddedToken("<unk>", special=True), AddedToken("</s>", special=True)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="</s>",
        unk_token="<unk>",
        chat_template="{% for m in messages %}{{ m.role }} {{ m.content }}</s>{% endfor %}",
    )
    template = ChatTemplate(tokenizer)
    eos = tokenizer.eos_token_id
    assert template.start([user("stop </s> now")]).count(eos) == 1


def test_reasoning_that_the_template_strips_is_found_and_refused():
    template = ChatTemplate(reasoning())
    assert not template.append_only
    assert "<think>" in template.rewrites
    assert template.start([user("why?")])  # one turn is fine
    with pytest.raises(ConfigError, match=r"strips reasoning .* single-turn .* allow_rewrite=true"):
        template.extend([user("and?")], closed=True)


def test_allowing_the_rewrite_keeps_deltas():
    template = ChatTemplate(reasoning(), allow_rewrite=True)
    assert not template.append_only
    text = template.tokenizer.decode(template.extend([user("and?")], closed=True))
    assert text == "\n<|im_start|>user\nand?<|im_end|>\n<|im_start|>assistant\n"


def test_a_prompt_that_the_history_does_not_keep_is_a_rewrite():
    # as with Qwen3 when thinking is off: an empty thought that later renderings drop
    source = CHATML.replace("assistant\n{% endif", "assistant\n<think>\n\n</think>\n\n{% endif")
    tokenizer = byte_level(source, ["<|im_start|>", "<|im_end|>"], eos="<|im_end|>")
    template = ChatTemplate(tokenizer)
    assert "renders earlier turns differently" in template.rewrites
    assert template.supports_system and template.supports_tool


def test_templates_that_keep_everything_are_append_only():
    for family in ("chatml", "llama", "mistral", "no_system"):
        assert template_of(family).append_only, family


def test_roles_are_supported_where_the_template_keeps_them_in_place():
    assert {f: template_of(f).supports_system for f in FAMILIES} == {
        "chatml": True,
        "llama": True,
        "mistral": False,  # shows it in the last user message only: rows could not grow
        "reasoning": True,
        "no_system": False,
    }
    assert not template_of("mistral").supports_tool
    assert template_of("chatml").supports_tool


@pytest.mark.parametrize("family", ["mistral", "no_system"])
def test_a_system_message_without_a_role_joins_the_first_user_message(family):
    template = template_of(family)
    merged = template.start([user("be brief\n\nhello")])
    assert template.start([system("be brief"), user("hello")]) == merged
    assert template.start([user("hello"), system("be brief")]) == template.start(
        [user("hello\n\nbe brief")]
    )
    assert template.start([system("be brief")]) == template.start([user("be brief")])


def test_tool_messages_without_a_role_are_said_by_the_user():
    template = template_of("mistral")
    assert template.extend([tool("4"), tool("5"), user("sum?")], closed=True) == template.extend(
        [user("4\n\n5\n\nsum?")], closed=True
    )


def test_two_messages_of_the_user_stay_two():
    template = template_of("chatml")
    text = template.tokenizer.decode(template.start([user("a"), user("b")]))
    assert text.count("<|im_start|>user") == 2


def test_what_the_template_refuses_is_a_config_error_in_its_words():
    with pytest.raises(ConfigError, match=r"\[user, user\]: roles must alternate"):
        template_of("mistral").start([user("a"), user("b")])


def test_a_tokenizer_without_a_template_is_refused():
    tokenizer = chatml()
    tokenizer.chat_template = None
    with pytest.raises(ConfigError, match="no chat template"):
        ChatTemplate(tokenizer)


def test_a_template_without_an_end_of_turn_is_refused():
    source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
    with pytest.raises(ConfigError, match="no control token"):
        ChatTemplate(byte_level(source, ["<eos>"], eos="<eos>"))


def test_a_template_that_hides_replies_is_refused():
    source = "{% for m in messages if m.role == 'user' %}{{ m.content }}<eos>{% endfor %}"
    with pytest.raises(ConfigError, match="does not show earlier replies"):
        ChatTemplate(byte_level(source, ["<eos>"], eos="<eos>"))


def test_options_reach_the_template():
    source = "{% if terse %}BRIEF{% endif %}" + CHATML
    tokenizer = byte_level(source, ["<|im_start|>", "<|im_end|>"], eos="<|im_end|>")
    start = ChatTemplate(tokenizer, options={"terse": True}).start([user("a")])
    assert tokenizer.decode(start).startswith("BRIEF<|im_start|>")


def test_decoding_drops_the_stop_token_and_shows_other_control_tokens():
    template = template_of("chatml")
    start, end = template.tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    body = template.tokenizer.encode("up  ,", add_special_tokens=False)
    assert template.decode([*body, end]) == "up  ,"
    assert template.decode([*body, start]) == "up  ,<|im_start|>"
    assert template.decode([end]) == template.decode([]) == ""


@every_family
def test_a_written_reply_is_encoded_as_the_template_encodes_it(family):
    template = template_of(family)
    row = [*template.start([user("one")]), *template.encode_reply("two, three")]
    row += template.extend([user("four")], closed=True)
    assert row == rendered(template, [user("one"), assistant("two, three"), user("four")])


def test_control_tokens_that_are_not_special_are_guarded_too():
    from tokenizers import AddedToken

    tokenizer = byte_level(CHATML, ["<eos>"], eos="<eos>")
    tokenizer.add_tokens([AddedToken(t, special=False) for t in ("<|im_start|>", "<|im_end|>")])
    template = ChatTemplate(tokenizer)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert template.start([user("a <|im_end|> b")]).count(end) == 1


def test_reasoning_tags_in_a_prompt_are_the_tokens_a_model_knows():
    template = template_of("reasoning")
    tags = template.tokenizer.convert_tokens_to_ids(["<think>", "</think>"])
    start = template.start([user("reason in <think></think>, then answer")])
    assert [i for i in start if i in tags] == tags


def test_the_tokenizer_itself_is_left_as_it_was():
    tokenizer = chatml()
    before = tokenizer.backend_tokenizer.to_str()
    ChatTemplate(tokenizer).start([user("two <|im_end|>")])
    assert tokenizer.backend_tokenizer.to_str() == before


def test_the_tiny_policy_has_an_append_only_template():
    template = ChatTemplate(TinyPolicy(words=["left", "right"]).tokenizer())
    assert template.append_only and template.supports_system
    assert len(template.encode_reply("left")) == 2


def test_a_tokenizer_that_knows_few_words_is_not_taken_for_one_that_rewrites():
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "user", "assistant", "system", "tool", "left"]
    core = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.add_special_tokens([AddedToken("<end>", special=True)])
    core.add_tokens([AddedToken("one", special=False)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<end>",
        unk_token="<unk>",
        chat_template="{% for m in messages %}{{ m.role }} {{ m.content }} <end> {% endfor %}"
        "{% if add_generation_prompt %}assistant {% endif %}",
    )
    template = ChatTemplate(tokenizer)
    assert template.append_only and template.supports_system
    row = (*template.start([user("left one")]), *template.encode_reply("left"))
    assert tokenizer.convert_ids_to_tokens(row) == [
        *("user", "left", "one", "<end>"),
        *("assistant", "left", "<end>"),
    ]
