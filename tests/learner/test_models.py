"""Which models are loaded, and what is refused."""

from pathlib import Path

import pytest
import torch

from guerdon import hf
from guerdon.config.schema import Critic, Lora, ModelSpec
from guerdon.errors import ConfigError
from guerdon.learner import models
from guerdon.learner.models import load_models, num_parameters


def spec(folder: Path, lora: Lora | None = None) -> ModelSpec:
    return ModelSpec(path=str(folder), device="cpu", lora=lora)


def test_only_what_the_algorithm_needs_is_loaded(policy_folder: Path) -> None:
    count = num_parameters(str(policy_folder))
    alone = load_models(spec(policy_folder)).table()
    assert alone == [("policy", count, count, 4 * count)]
    everything = load_models(spec(policy_folder), critic=Critic(), needs_reference=True).table()
    assert everything == [
        ("policy", count, count, 4 * count),
        ("reference", count, 0, 4 * count),
        ("critic (value head)", 33, 33, 132),
    ]


def test_a_lora_run_trains_adapters_and_loads_no_reference(policy_folder: Path) -> None:
    loaded = load_models(spec(policy_folder, Lora(rank=2)), needs_reference=True)
    policy, reference = loaded.table()
    assert loaded.reference is None
    assert 0 < policy.trainable < policy.parameters
    assert policy.parameters - policy.trainable == num_parameters(str(policy_folder))
    assert reference.bytes == 0
    named = {n for n, p in loaded.policy.named_parameters() if p.requires_grad}
    assert all("lora_" in name for name in named)


def test_a_critic_of_its_own_has_a_backbone_without_a_language_model_head(
    policy_folder: Path,
) -> None:
    loaded = load_models(spec(policy_folder), critic=Critic(path=str(policy_folder)))
    assert loaded.critic is not None
    assert loaded.critic.backbone is not None
    assert not hasattr(loaded.critic.backbone, "lm_head")
    own = {p.data_ptr() for p in loaded.policy.parameters()}
    assert own.isdisjoint(p.data_ptr() for p in loaded.critic.parameters())


def test_the_reference_may_come_from_elsewhere(policy_folder: Path, tmp_path: Path) -> None:
    model = hf.load_model(policy_folder, dtype=torch.float32)
    with torch.no_grad():
        model.model.norm.weight.fill_(2.0)
    model.save_pretrained(tmp_path)
    loaded = load_models(spec(policy_folder), needs_reference=True, reference_path=str(tmp_path))
    assert loaded.reference is not None
    assert loaded.reference.model.norm.weight[0] == 2.0
    assert loaded.policy.model.norm.weight[0] == 1.0


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (Lora(targets=["no_such_layer"]), "no_such_layer"),
        (Lora(targets=["lm_head"]), "output layer"),
    ],
)
def test_lora_targets_that_cannot_be_trained_are_refused(
    policy_folder: Path, lora: Lora, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_models(spec(policy_folder, lora))


def test_logits_that_are_changed_after_the_output_layer_are_refused(policy_folder: Path) -> None:
    model = hf.load_model(policy_folder, dtype=torch.float32)
    model.config.final_logit_softcapping = 30.0
    with pytest.raises(ConfigError, match="final_logit_softcapping"):
        models._check_head("there", model)


def test_a_policy_without_a_path_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"models\.policy\.path"):
        load_models(ModelSpec())


def test_dtypes_follow_the_device_unless_they_are_given() -> None:
    assert models.resolve_dtype(ModelSpec(device="cpu")) == torch.float32
    assert models.resolve_dtype(ModelSpec(device="cuda")) == torch.bfloat16
    assert models.resolve_dtype(ModelSpec(device="cpu", dtype="bfloat16")) == torch.bfloat16
