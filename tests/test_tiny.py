import pytest
import torch
from transformers import AutoTokenizer

from guerdon import hf
from guerdon.errors import ConfigError
from guerdon.tiny import END, PAD, START, TinyPolicy

SMALL = {"hidden": 16, "num_layers": 1, "num_heads": 2, "num_kv_heads": 1, "mlp": 32}


def test_every_word_is_one_token_alone_and_after_a_space():
    words = ["left", "right", "elephant", "S0"]
    tokenizer = TinyPolicy(words=words[:3]).tokenizer()
    for word in words[:3]:
        assert len(tokenizer.encode(word)) == 1, word
        assert len(tokenizer.encode(f" {word}")) == 1, word
    assert tokenizer.decode(tokenizer.encode("left right")) == "left right"


@pytest.mark.parametrize("words", [None, ["left"]])
def test_any_text_survives_a_round_trip(words):
    tokenizer = TinyPolicy(words=words).tokenizer()
    text = "Ünïcode → 42!\n\n\tleft  lefts"
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_without_words_there_are_bytes_and_controls_only():
    tokenizer = TinyPolicy().tokenizer()
    assert len(tokenizer) == 256 + 3
    assert len(tokenizer.encode("abc")) == 3


def test_ids_depend_on_the_words_only():
    a, b = (TinyPolicy(words=["up", "down"]).tokenizer().get_vocab() for _ in range(2))
    assert a == b


def test_control_tokens_have_their_parts():
    tokenizer = TinyPolicy().tokenizer()
    assert (tokenizer.eos_token, tokenizer.pad_token) == (END, PAD)
    ids = tokenizer.convert_tokens_to_ids([PAD, START, END])
    assert len(set(ids)) == 3 and None not in ids


def test_weights_depend_on_the_seed_and_leave_the_global_random_state_alone():
    policy = TinyPolicy(**SMALL)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = policy.model(1), policy.model(1), policy.model(2)
    assert torch.equal(torch.get_rng_state(), before)
    weights = [m.get_input_embeddings().weight for m in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not first.training and weights[0].dtype == torch.float32


def test_a_saved_policy_is_a_sound_directory_that_loads_the_same(tmp_path):
    policy = TinyPolicy(words=["left"], **SMALL)
    policy.save(tmp_path, seed=3)
    assert hf.check_model(tmp_path) == []
    loaded = hf.load_model(tmp_path, dtype=torch.float32)
    for name, weight in policy.model(3).state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    tokenizer, made = AutoTokenizer.from_pretrained(tmp_path), policy.tokenizer()
    assert tokenizer.chat_template == made.chat_template
    for text in ("go left, 12 it's\n\n", f"{START}user\nleft{END}\n"):
        assert tokenizer.encode(text) == made.encode(text)


def test_the_frequent_words_of_a_file_are_tokens_too(tmp_path):
    file = tmp_path / "problems.txt"
    file.write_text("river river river bank bank a 1 zebra")
    tokenizer = TinyPolicy(words=["Custom"], words_from=str(file), num_words=2).tokenizer()
    assert [len(tokenizer.encode(word)) for word in ("Custom", " river", "bank")] == [1, 1, 1]
    assert len(tokenizer.encode("zebra")) > 1
    with pytest.raises(ConfigError, match=r"words_from: .* cannot be read"):
        TinyPolicy(words_from=str(tmp_path / "none")).tokenizer()
