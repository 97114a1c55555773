import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from guerdon import attention, hf
from guerdon.engines.native import NativeEngine
from guerdon.errors import ConfigError
from guerdon.tiny import TinyPolicy
from guerdon.types import Sampling
from plain_forward import TEMPLATE, ids, together


@pytest.fixture
def folder(tmp_path):
    TinyPolicy(hidden=16, num_layers=1, num_heads=2, num_kv_heads=1, mlp=32).save(tmp_path)
    return tmp_path


def test_a_sound_directory_has_no_problem(folder):
    assert hf.check_model(folder) == []
    assert hf.check_model(str(folder)) == []


def test_a_hub_name_is_not_checked():
    assert hf.check_model("owner/name") == []


@pytest.mark.parametrize("path", ["nowhere", "./no/where", "/no/where", "a/b/c", "no/"])
def test_a_missing_directory_is_named(path):
    (problem,) = hf.check_model(path)
    assert repr(path) in problem and "no such directory" in problem


def test_a_directory_that_is_no_model_is_told_apart_from_an_adapter(tmp_path):
    (problem,) = hf.check_model(tmp_path)
    assert "no config.json" in problem and "adapter" not in problem
    (tmp_path / "adapter_config.json").write_text("{}")
    (problem,) = hf.check_model(tmp_path)
    assert "guerdon export" in problem


def test_all_problems_are_listed_at_once(folder):
    (folder / "config.json").write_text("{")
    (folder / "tokenizer.json").unlink()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    problems = hf.check_model(folder)
    assert [
        word in line for word, line in zip(("JSON", "tokenizer", ".bin"), problems, strict=True)
    ]
    assert all(repr(str(folder)) in line for line in problems)


def test_a_missing_chat_template_is_a_problem_only_where_one_is_needed(folder):
    template = folder / "chat_template.jinja"
    source = template.read_text()
    template.unlink()
    (problem,) = hf.check_model(folder)
    assert "no chat template" in problem
    assert hf.check_model(folder, needs_template=False) == []
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": source}))
    assert hf.check_model(folder) == []


def test_a_model_loads_in_the_asked_precision_for_our_attention(folder):
    model = hf.load_model(folder, dtype=torch.bfloat16)
    assert model.dtype == torch.bfloat16
    assert model.config._attn_implementation == attention.NAME
    assert not model.training


def test_a_saved_model_is_read_by_transformers_and_holds_tied_weights_once(folder, tmp_path):
    model = hf.load_model(folder, dtype=torch.float32)
    together(NativeEngine(model, TEMPLATE).generate(ids(8), Sampling(max_tokens=2)))
    hf.save_model(model, tmp_path / "saved")
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    assert saved.keys() == load_file(folder / "model.safetensors").keys()
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert again.lm_head.weight is again.model.embed_tokens.weight
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_a_model_that_cannot_be_loaded_is_a_config_error(folder):
    (folder / "config.json").write_text('{"model_type": "no-such-architecture"}')
    with pytest.raises(ConfigError, match="cannot be loaded"):
        hf.load_model(folder, dtype=torch.float32)


def test_pickled_weights_are_never_read(folder):
    model = hf.load_model(folder, dtype=torch.float32)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        hf.load_model(folder, dtype=torch.float32)


def test_a_missing_tokenizer_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot load its tokenizer"):
        hf.load_tokenizer(tmp_path)


def test_attention_we_do_not_implement_is_refused():
    with pytest.raises(ConfigError, match="soft-capping"):
        hf.check_attention("m", SimpleNamespace(attn_logit_softcapping=50.0))
    with pytest.raises(ConfigError, match="attention_dropout"):
        hf.check_attention("m", SimpleNamespace(attention_dropout=0.1))
    hf.check_attention("m", SimpleNamespace(attn_logit_softcapping=None, attention_dropout=0.0))
