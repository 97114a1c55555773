"""The models a learner holds: exactly those that the algorithm needs.

Policy: all weights, or LoRA adapters on frozen ones. Reference: the adapter switched off, or a
frozen copy. Critic: a value head on the policy's last hidden state, or on a backbone of its own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from guerdon import hf
from guerdon.config.schema import Critic as CriticSettings
from guerdon.config.schema import Lora, ModelSpec
from guerdon.errors import ConfigError


class ModelRow(NamedTuple):
    """A line of the table that start-up prints."""

    name: str
    parameters: int
    trainable: int
    bytes: int


class Critic(nn.Module):
    """V(s_t) from the hidden state at t - 1; starts as 0 everywhere.

    Args:
        backbone: its own model without a language-model head; None: the policy's hidden state.
    """

    def __init__(self, hidden_size: int, backbone: PreTrainedModel | None, like: Tensor) -> None:
        super().__init__()
        self.backbone = backbone
        dtype = torch.promote_types(like.dtype, torch.float32)
        self.head = nn.Linear(hidden_size, 1, device=like.device, dtype=dtype)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, hidden: Float[Tensor, "A D"]) -> Float[Tensor, " A"]:
        """Values of hidden states."""
        values: Tensor = self.head(hidden.to(self.head.weight.dtype)).squeeze(-1)
        return values


@dataclass(frozen=True)
class PolicyModels:
    """What a learner trains, and what it compares with."""

    policy: PreTrainedModel
    """The causal language model; with LoRA, the adapters are inside its layers."""
    tokenizer: PreTrainedTokenizerBase
    adapter: PeftModel | None = None
    """PEFT's view of ``policy`` if it has LoRA adapters."""
    reference: PreTrainedModel | None = None
    """A frozen copy; None with LoRA."""
    critic: Critic | None = None

    @property
    def device(self) -> torch.device:
        """Where the policy is."""
        return self.policy.device

    def as_reference(self) -> tuple[PreTrainedModel, AbstractContextManager[object]]:
        """The reference policy's module, and the context in which it is that."""
        if self.adapter is not None:
            return self.policy, self.adapter.disable_adapter()
        assert self.reference is not None, "loaded without a reference"
        return self.reference, nullcontext()

    def table(self) -> list[ModelRow]:
        """Parameters, trainable parameters and bytes of each model that was loaded."""
        rows = [_row("policy", self.policy)]
        if self.adapter is not None:
            rows.append(ModelRow("reference (policy without adapter)", 0, 0, 0))
        if self.reference is not None:
            rows.append(_row("reference", self.reference))
        if self.critic is not None:
            own = self.critic.backbone is not None
            rows.append(_row("critic" if own else "critic (value head)", self.critic))
        return rows


def load_models(
    policy: ModelSpec,
    *,
    critic: CriticSettings | None = None,
    needs_reference: bool = False,
    reference_path: str | None = None,
) -> PolicyModels:
    """Load the policy and what else the algorithm needs.

    Args:
        critic: None: the algorithm has none.
        reference_path: where the reference's weights are; None: where the policy's are. With LoRA
            the reference is always the policy without its adapter.

    Raises:
        ConfigError: a model cannot be loaded or trained here.
    """
    if policy.path is None:
        raise ConfigError("models.policy.path is not set: give a Hugging Face directory or name")
    device, dtype = resolve_device(policy.device), resolve_dtype(policy)
    model = hf.load_model(policy.path, dtype=dtype, device=device)
    _check_head(policy.path, model)
    adapter = _add_lora(model, policy.lora) if policy.lora is not None else None
    reference = None
    if needs_reference and adapter is None:
        reference = hf.load_model(reference_path or policy.path, dtype=dtype, device=device)
        reference.requires_grad_(False)
    return PolicyModels(
        policy=model,
        tokenizer=hf.load_tokenizer(policy.path),
        adapter=adapter,
        reference=reference,
        critic=None if critic is None else _load_critic(critic, model),
    )


def resolve_device(name: str) -> torch.device:
    """ "auto" is the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def resolve_dtype(spec: ModelSpec) -> torch.dtype:
    """ "auto" is float32 on the CPU and bfloat16 elsewhere."""
    if spec.dtype == "auto":
        on_cpu = resolve_device(spec.device).type == "cpu"
        return torch.float32 if on_cpu else torch.bfloat16
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[spec.dtype]


def num_parameters(path: str) -> int:
    """Parameters of a model directory, from its config alone: no weight is read."""
    config = AutoConfig.from_pretrained(path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return sum(p.numel() for p in model.parameters())


def _add_lora(model: PreTrainedModel, lora: Lora) -> PeftModel:
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # any number, whatever peft annotates
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
    )
    try:
        adapter = get_peft_model(model, config)
    except ValueError as error:
        raise ConfigError(f"models.policy.lora.targets {lora.targets!r}: {error}") from error
    if not isinstance(model.get_output_embeddings(), nn.Linear):
        raise ConfigError(
            "models.policy.lora.targets names the output layer, which stays frozen; leave it out"
        )
    assert isinstance(adapter, PeftModel)
    return adapter.eval()


def _load_critic(settings: CriticSettings, policy: PreTrainedModel) -> Critic:
    like = next(policy.parameters())
    if settings.path is None:
        return Critic(policy.config.hidden_size, None, like)
    model = hf.load_model(settings.path, dtype=like.dtype, device=like.device)
    backbone = model.base_model
    assert isinstance(backbone, PreTrainedModel)
    return Critic(model.config.hidden_size, backbone, like)


def _check_head(path: str, model: PreTrainedModel) -> None:
    """The logits must be the output layer of the last hidden state, and nothing after it."""
    for name in ("final_logit_softcapping", "logits_scaling", "logit_scale"):
        if getattr(model.config, name, None) not in (None, 1.0):
            raise ConfigError(
                f"model {path!r}: {name} is not supported; use an architecture without it"
            )
    if not isinstance(model.get_output_embeddings(), nn.Linear):
        raise ConfigError(f"model {path!r}: its output layer is not a plain linear layer")


def _row(name: str, module: nn.Module) -> ModelRow:
    parameters = list(module.parameters())
    return ModelRow(
        name,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(p.numel() * p.element_size() for p in parameters),
    )
