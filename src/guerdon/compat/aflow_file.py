"""``training.yaml`` of an AFlow-style project: its keys, as the training guide writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from guerdon.config.build import parse
from guerdon.config.compose import duplicate_keys
from guerdon.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class TemperatureSchedule:
    """From ``initial`` to ``final`` over the first ``warmup_steps`` steps."""

    enabled: bool = True
    initial: float = 0.5
    final: float = 0.15
    warmup_steps: int = 150


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """How the policy writes a workflow; its temperature counts where there is no schedule."""

    temperature: float = 0.2
    max_tokens: int = 8192
    top_p: float = 0.95
    top_k: int = 50


@dataclass(frozen=True, kw_only=True)
class Checkpointing:
    """Where checkpoints go."""

    save_dir: str


@dataclass(frozen=True, kw_only=True)
class WandbSettings:
    """Weights & Biases."""

    enabled: bool = False
    project: str = "aflow-roll-integration"
    run_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingFile:
    """The keys of ``training.yaml``; what each becomes is in `guerdon.compat.aflow`."""

    base_model: str
    device_mapping: list[int] = field(default_factory=lambda: [0])
    physical_gpus: list[int] = field(default_factory=lambda: [0])
    bf16: bool = False
    use_lora: bool = True
    lora_rank: int = 128
    lora_alpha: float = 128
    lora_dropout: float = 0.05
    lora_target_modules: str | list[str] = "q_proj,k_proj,v_proj,o_proj"
    max_steps: int = 500
    rollout_batch_size: int = 4
    num_return_sequences_in_group: int = 4
    learning_rate: float = 2.0e-5
    warmup_steps: int = 100
    gradient_accumulation_steps: int = 4
    clip_range: float = 0.2
    max_grad_norm: float = 1.0
    weight_decay: float = 0.01
    use_kl_loss: bool = True
    kl_loss_coef: float = 0.02
    temperature_schedule: TemperatureSchedule = TemperatureSchedule()
    generation_config: GenerationConfig = GenerationConfig()
    data_dir: str = "data"
    train_dataset: str = "data/mixed/train_mixed.jsonl"
    test_dataset: str = "data/mixed/test_mixed.jsonl"
    domain_ratios: dict[str, float] = field(
        default_factory=lambda: {"math": 0.4, "qa": 0.3, "code": 0.3}
    )
    aflow_config_path: str = "config/aflow_llm.yaml"
    aflow_executor_model: str = "gpt-4o-mini"
    aflow_operator_descriptions_path: str = "config/aflow_operators.yaml"
    execution_timeout: float = 180
    output_dir: str
    checkpointing: Checkpointing | None = None
    log_every: int = 5
    save_every: int = 20
    eval_every: int = 0
    wandb: WandbSettings = WandbSettings()


@dataclass(frozen=True, kw_only=True)
class ExecutorEntry:
    """One model of ``aflow_llm.yaml``."""

    base_url: str = "https://api.openai.com/v1"
    api_key: str | None = None
    api_type: str = "openai"
    model_name: str | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    price: dict[str, float] | str | None = None
    """Ours: US dollars per million tokens, or free; needed for models without a list price."""


@dataclass(frozen=True, kw_only=True)
class ModelsFile:
    """``aflow_llm.yaml``: models by name."""

    models: dict[str, ExecutorEntry]


def read_file(path: Path, schema: type[T]) -> T:
    """A YAML file as its dataclass.

    Raises:
        ConfigError: everything that is wrong with it, a line each.
    """
    if not path.is_file():
        raise ConfigError(f"no file {str(path)!r}")
    try:
        repeated = duplicate_keys(path)
        values: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if repeated:
        raise ConfigError(repeated)
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping")
    try:
        return parse(values, schema)
    except ConfigError as error:
        raise ConfigError([f"{path}: {line}" for line in error.problems]) from None


class _Loader(yaml.SafeLoader):
    """Reads 2e-5 as a number, as YAML 1.2 does."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?\d[\d_]*(\.[\d_]*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)
