"""Fused decoders compute what transformers computes, with the same modules and weights."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from guerdon import attention, hf
from guerdon.fused import fuse

SHAPE: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
BIASED = {**SHAPE, "attention_bias": True, "mlp_bias": True}
SLIDING = {"use_sliding_window": True, "max_window_layers": 1, "sliding_window": 5}
FAMILIES: dict[str, tuple[type[PreTrainedModel], Any]] = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SHAPE)),
    "llama with biases": (LlamaForCausalLM, LlamaConfig(**BIASED)),
    "mistral": (MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=5)),
    "mistral, wide heads": (MistralForCausalLM, MistralConfig(**SHAPE, head_dim=10)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SHAPE)),
    "qwen2, one layer sliding": (Qwen2ForCausalLM, Qwen2Config(**SHAPE, **SLIDING)),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**SHAPE, head_dim=16)),
}
IDS = torch.randint(0, 60, (1, 20), generator=torch.Generator().manual_seed(3))


class OneSequence:
    """The flat row is one sequence; counts the layers that attended."""

    calls = 0

    def attend(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scale: float,
        window: int | None,
    ) -> Tensor:
        self.calls += 1
        place = torch.arange(query.shape[1])
        sees = place[None] <= place[:, None]
        if window is not None:
            sees &= place[None] > place[:, None] - window
        repeat = len(query) // len(key)
        key, value = (x.repeat_interleave(repeat, 0) for x in (key, value))
        scores = (query @ key.transpose(1, 2) * scale).masked_fill(~sees, -torch.inf)
        return (scores.softmax(-1) @ value).transpose(0, 1)


def make(family: str, **changes: Any) -> PreTrainedModel:
    """Random float64 weights, norms and biases too."""
    kind, config = FAMILIES[family]
    config = copy.deepcopy(config)
    config.update(changes)
    torch.manual_seed(0)
    model = kind._from_config(config, attn_implementation=attention.NAME).double().eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, mean=0.5, std=0.3)
    return model


def logits(model: nn.Module, layout: OneSequence | None = None) -> Tensor:
    with attention.attending(layout or OneSequence()):
        out: Tensor = model(
            input_ids=IDS, position_ids=torch.arange(IDS.shape[1])[None], use_cache=False
        ).logits
    return out


def gradients(model: nn.Module) -> dict[str, Tensor]:
    weight = torch.randn(IDS.shape[1], 60, generator=torch.Generator().manual_seed(4)).double()
    with attention.attending(OneSequence()):
        (logits(model)[0] * weight).sum().backward()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@pytest.fixture
def exact_norms(monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers computes RMSNorm in float32 even in a float64 model."""

    def forward(self: Any, hidden: Tensor) -> Tensor:
        variance = hidden.pow(2).mean(-1, keepdim=True)
        out: Tensor = self.weight * hidden * torch.rsqrt(variance + self.variance_epsilon)
        return out

    for kind, _ in FAMILIES.values():
        module = __import__(kind.__module__, fromlist=["x"])
        norm = kind.__name__.removesuffix("ForCausalLM") + "RMSNorm"
        monkeypatch.setattr(getattr(module, norm), "forward", forward)


@pytest.mark.usefixtures("exact_norms")
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_logits_are_those_of_transformers_own_layers_and_attention(family: str) -> None:
    model = make(family)
    model.set_attn_implementation("sdpa")
    plain = model(IDS).logits
    model.set_attn_implementation(attention.NAME)
    assert fuse(model)
    torch.testing.assert_close(logits(model), plain, atol=1e-10, rtol=0)
    model.set_attn_implementation("sdpa")  # and back, with the layers that are fused
    torch.testing.assert_close(model(IDS).logits, plain, atol=1e-10, rtol=0)


@pytest.mark.usefixtures("exact_norms")
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_transformers_own_layers(family: str) -> None:
    plain, fused = make(family), make(family)
    fuse(fused)
    want, found = gradients(plain), gradients(fused)
    assert want.keys() == found.keys() == dict(plain.named_parameters()).keys()
    for name in want:
        torch.testing.assert_close(found[name], want[name], atol=1e-10, rtol=0, msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_is_as_near_as_transformers_own(family: str) -> None:
    exact = logits(make(family).float())
    plain, fused = make(family).bfloat16(), make(family).bfloat16()
    fuse(fused)
    error = (logits(fused).float() - exact).abs().max()
    assert error <= 2 * (logits(plain).float() - exact).abs().max()


@torch.no_grad()
def test_weights_keep_their_names_and_are_used_as_they_are_stepped(tmp_path: Path) -> None:
    model, plain = make("qwen2").float(), make("qwen2").float()
    fuse(model)
    before = logits(model)
    assert list(model.state_dict()) == list(plain.state_dict())
    for own, other in zip(model.parameters(), plain.parameters(), strict=True):
        noise = torch.randn_like(own) * 0.1
        own.add_(noise)
        other.add_(noise)
    assert not torch.allclose(logits(model), before, atol=1e-3)
    torch.testing.assert_close(logits(model), logits(plain), atol=1e-5, rtol=0)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


@torch.no_grad()
def test_weights_that_were_moved_are_used_where_they_are() -> None:
    model = make("llama with biases").float()
    fuse(model)
    before = logits(model)
    model.double()
    torch.testing.assert_close(logits(model).float(), before, atol=1e-5, rtol=0)
    projection = model.model.layers[0].self_attn.k_proj
    projection.weight.data = projection.weight.data * 2  # behind our back
    fresh = make("llama with biases").float().double()
    fresh.model.layers[0].self_attn.k_proj.weight.mul_(2)
    torch.testing.assert_close(logits(model), logits(fresh), atol=1e-5, rtol=0)
    twin = copy.deepcopy(model)
    twin.model.layers[0].self_attn.k_proj.weight.zero_()
    torch.testing.assert_close(logits(model), logits(fresh), atol=1e-5, rtol=0)


@pytest.mark.usefixtures("exact_norms")
def test_adapters_that_come_later_are_seen() -> None:
    def adapted(*, fused: bool) -> nn.Module:
        model = make("qwen2")
        if fused:
            fuse(model)
            logits(model)
        torch.manual_seed(1)
        config = LoraConfig(r=2, target_modules=["q_proj", "up_proj", "o_proj"])
        adapter = get_peft_model(model, config).double()
        for name, parameter in adapter.named_parameters():
            if "lora_B" in name:
                nn.init.normal_(parameter)
        return adapter

    plain, fused = adapted(fused=False), adapted(fused=True)
    assert not torch.allclose(logits(plain), logits(make("qwen2")), atol=1e-3)
    torch.testing.assert_close(logits(fused), logits(plain), atol=1e-10, rtol=0)
    want, found = gradients(plain), gradients(fused)
    assert want.keys() == found.keys() and any("lora_A" in name for name in want)
    for name in want:
        torch.testing.assert_close(found[name], want[name], atol=1e-10, rtol=0, msg=name)


def test_a_frozen_part_of_joined_weights_gets_no_gradient() -> None:
    model, plain = make("qwen2"), make("qwen2")
    fuse(model)
    for one in (model, plain):
        one.model.layers[0].self_attn.k_proj.requires_grad_(False)
    want, found = gradients(plain), gradients(model)
    assert want.keys() == found.keys()
    assert "model.layers.0.self_attn.k_proj.weight" not in found


def test_checkpointed_layers_are_computed_twice_and_have_the_same_gradient() -> None:
    model, other = make("qwen2"), make("qwen2")
    fuse(model)
    fuse(other)
    want = gradients(model)
    other.gradient_checkpointing_enable({"use_reentrant": False})
    other.train()
    layout = OneSequence()
    weight = torch.randn(IDS.shape[1], 60, generator=torch.Generator().manual_seed(4)).double()
    with attention.attending(layout):
        out = other(input_ids=IDS, position_ids=torch.arange(20)[None], use_cache=False).logits
        assert layout.calls == 2
        (out[0] * weight).sum().backward()
    assert layout.calls == 4
    for name, parameter in other.named_parameters():
        torch.testing.assert_close(parameter.grad, want[name], atol=1e-12, rtol=0, msg=name)


def test_other_models_stay_as_they_are(tmp_path: Path) -> None:
    config = GPTNeoXConfig(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        attention_dropout=0.0,
    )
    model = GPTNeoXForCausalLM._from_config(config, attn_implementation=attention.NAME)
    kinds = [type(module) for module in model.modules()]
    assert not fuse(model)
    assert [type(module) for module in model.modules()] == kinds
    assert not fuse(make("llama", hidden_act="gelu"))


def test_a_model_that_is_loaded_is_fused(tmp_path: Path) -> None:
    make("llama").float().save_pretrained(tmp_path)
    model = hf.load_model(tmp_path, dtype=torch.float32)
    assert hasattr(model.model.layers[1], "fused")
    assert isinstance(model, LlamaForCausalLM)
