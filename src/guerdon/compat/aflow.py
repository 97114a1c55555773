"""An AFlow-style ``training.yaml`` as a configuration of ours: every key is honoured, or refused
with the reason.

| Key | Becomes |
|---|---|
| base_model, bf16, device_mapping | models.policy.path, dtype, device |
| physical_gpus | the GPUs this process may see (CUDA_VISIBLE_DEVICES) |
| use_lora, lora_* | models.policy.lora |
| max_steps | trainer.steps |
| rollout_batch_size, num_return_sequences_in_group | trainer.tasks_per_step, group_size |
| learning_rate, warmup_steps, weight_decay, max_grad_norm | learner |
| gradient_accumulation_steps | learner.minibatches: one update for so many rollouts |
| clip_range | algorithm.clip_low, clip_high |
| use_kl_loss, kl_loss_coef | algorithm.kl_coef: k3, to the frozen policy |
| temperature_schedule | trainer.temperature |
| generation_config | models.policy.sampling, eval.sampling |
| train_dataset, test_dataset, data_dir, domain_ratios | tasks |
| aflow_config_path, aflow_executor_model | models.executor |
| aflow_operator_descriptions_path, execution_timeout | env.operators, env.limits.timeout_s |
| output_dir, checkpointing.save_dir | run.dir and run.name |
| log_every, save_every, eval_every, wandb | trainer, trackers |
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from guerdon.compat.aflow_file import ExecutorEntry, ModelsFile, TrainingFile, read_file
from guerdon.errors import ConfigError

MODELS = {
    "qwen25-7b": "Qwen/Qwen2.5-7B-Instruct",
    "qwen3-8b": "Qwen/Qwen3-8B",
}
"""Short names of the training guide -> where the model is."""

_DOMAINS = ("math", "qa", "code")


@dataclass(frozen=True)
class Converted:
    """What a ``training.yaml`` amounts to."""

    values: dict[str, Any]
    """For `guerdon.config.check.check`."""
    notes: tuple[str, ...]
    """What is done differently from what the key says elsewhere, and why."""
    environment: Mapping[str, str]
    """To set before torch is imported."""
    data_dir: Path


def convert(path: str | Path, *, model: str | None = None, device: str | None = None) -> Converted:
    """Read a ``training.yaml``.

    Args:
        model: a short name of `MODELS`, a folder or a hub name, in place of base_model; the folder
            of the checkpoints is named after it.
        device: in place of device_mapping.

    Raises:
        ConfigError: every key that is wrong or cannot be honoured, a line each.
    """
    given = _found(read_file(Path(path), TrainingFile), Path(path))
    if model is not None:
        given = _with_model(given, model)
    problems = _refused(given, device)
    notes: list[str] = []
    executor: dict[str, Any] = {}
    try:
        executor = _executor(given)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError([f"{path}: {line}" for line in problems])
    output = Path(given.output_dir)
    on_gpu = device is None or device.startswith("cuda")
    values = {
        "run": {"name": output.name, "dir": str(output.parent)},
        "trainer": _trainer(given),
        "models": {"policy": _policy(given, device, notes), "executor": executor},
        "algorithm": {
            "_target_": "guerdon.algorithms.grpo.GRPO",
            "clip_low": given.clip_range,
            "clip_high": given.clip_range,
            "kl_coef": given.kl_loss_coef if given.use_kl_loss else 0.0,
        },
        "env": _env(given),
        "tasks": {
            "_target_": "guerdon.data.records.RecordFile",
            "path": given.train_dataset,
            "eval_path": given.test_dataset,
            "weights": dict(given.domain_ratios),
        },
        "learner": _learner(given),
        "eval": {"sampling": _sampling(given)},
        "trackers": _trackers(given, notes),
    }
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, given.physical_gpus))} if on_gpu else {}
    return Converted(values, tuple(notes), visible, Path(given.data_dir))


def _found(given: TrainingFile, file: Path) -> TrainingFile:
    """The same with files that are not here, but in the folder above the file's own, named so."""

    def found(name: str) -> str:
        above = file.parent.parent / name
        return str(above) if above.is_file() and not Path(name).is_file() else name

    return replace(
        given,
        aflow_config_path=found(given.aflow_config_path),
        aflow_operator_descriptions_path=found(given.aflow_operator_descriptions_path),
    )


def _with_model(given: TrainingFile, model: str) -> TrainingFile:
    """The same with another policy, and its checkpoints in a folder of its name."""
    output = Path(given.output_dir)
    folder = str(output.parent.parent / Path(model).name / output.name)
    return replace(
        given, base_model=MODELS.get(model, model), output_dir=folder, checkpointing=None
    )


def _refused(given: TrainingFile, device: str | None) -> list[str]:
    """What cannot be honoured, and why."""
    problems = []
    if len(given.device_mapping) != 1 and device is None:
        problems.append(
            f"device_mapping: {given.device_mapping} names {len(given.device_mapping)} devices; "
            f"this trainer is one process on one device: give one number, or --device"
        )
    elif device is None and not 0 <= given.device_mapping[0] < len(given.physical_gpus):
        problems.append(
            f"device_mapping: {given.device_mapping[0]} is not one of the "
            f"{len(given.physical_gpus)} GPUs of physical_gpus, which are counted from 0"
        )
    saved = given.checkpointing.save_dir if given.checkpointing else given.output_dir
    if Path(saved) != Path(given.output_dir):
        problems.append(
            f"checkpointing.save_dir: {saved!r} is not output_dir ({given.output_dir!r}); a run is "
            f"one folder: make them equal"
        )
    rows = given.rollout_batch_size * given.num_return_sequences_in_group
    steps = given.gradient_accumulation_steps
    if steps < 1 or rows % steps:
        problems.append(
            f"gradient_accumulation_steps: {steps} does not divide the {rows} rollouts of a step "
            f"(rollout_batch_size * num_return_sequences_in_group)"
        )
    problems += [
        f"domain_ratios.{name}: no such domain; there are {', '.join(_DOMAINS)}"
        for name in given.domain_ratios
        if name not in _DOMAINS
    ]
    data = Path(given.data_dir)
    problems += [
        f"{name}: {getattr(given, name)!r} is not in data_dir ({given.data_dir!r}), where `guerdon "
        f"data process` puts it"
        for name in ("train_dataset", "test_dataset")
        if not Path(getattr(given, name)).is_relative_to(data)
    ]
    if not Path(given.aflow_operator_descriptions_path).is_file():
        problems.append(
            f"aflow_operator_descriptions_path: no file {given.aflow_operator_descriptions_path!r}"
        )
    return problems


def _trainer(given: TrainingFile) -> dict[str, Any]:
    schedule = given.temperature_schedule
    temperature = {
        "start": schedule.initial, "end": schedule.final, "steps": schedule.warmup_steps,
    }  # fmt: skip
    return {
        "steps": given.max_steps,
        "tasks_per_step": given.rollout_batch_size,
        "group_size": given.num_return_sequences_in_group,
        "save_every": given.save_every,
        "keep_last": max(2, given.max_steps),
        "eval_every": given.eval_every,
        "log_every": given.log_every,
        "temperature": temperature if schedule.enabled else None,
    }


def _policy(given: TrainingFile, device: str | None, notes: list[str]) -> dict[str, Any]:
    if not given.bf16:
        notes.append("bf16: false gives float32 weights; float16 would need loss scaling and is "
                     "not offered. bf16: true halves the memory")  # fmt: skip
    targets = given.lora_target_modules
    targets = targets.split(",") if isinstance(targets, str) else targets
    lora = {
        "rank": given.lora_rank,
        "alpha": given.lora_alpha,
        "dropout": given.lora_dropout,
        "targets": [one.strip() for one in targets],
    }  # fmt: skip
    return {
        "path": given.base_model,
        "device": device or f"cuda:{given.device_mapping[0]}",
        "dtype": "bfloat16" if given.bf16 else "float32",
        "lora": lora if given.use_lora else None,
        "sampling": _sampling(given),
    }


def _sampling(given: TrainingFile) -> dict[str, Any]:
    generation = given.generation_config
    return {
        "temperature": generation.temperature,
        "max_tokens": generation.max_tokens,
        "top_p": generation.top_p,
        "top_k": generation.top_k,
    }


def _learner(given: TrainingFile) -> dict[str, Any]:
    rows = given.rollout_batch_size * given.num_return_sequences_in_group
    return {
        "lr": given.learning_rate,
        "warmup_steps": given.warmup_steps,
        "weight_decay": given.weight_decay,
        "max_grad_norm": given.max_grad_norm,
        "minibatches": rows // given.gradient_accumulation_steps,
        "gradient_checkpointing": True,
    }


def _env(given: TrainingFile) -> dict[str, Any]:
    sandbox = {"_target_": "guerdon.sandbox.Sandbox", "num_workers": 4}
    tests = {"_target_": "guerdon.rewards.code_check.CodeCheck", "sandbox": sandbox,
             "partial": True}  # fmt: skip
    return {
        "_target_": "guerdon.envs.workflow.env.Workflow",
        "rewards": {
            "math": {"_target_": "guerdon.rewards.tiers.MathTiers"},
            "qa": {"_target_": "guerdon.rewards.tiers.QaTiers"},
            "code": {"_target_": "guerdon.rewards.tiers.CodeTiers", "tests": tests},
        },
        "grade": {"_target_": "guerdon.envs.workflow.grades.TieredV2"},
        "operators": [given.aflow_operator_descriptions_path],
        "limits": {"timeout_s": given.execution_timeout},
        "sandbox": sandbox,
    }


def _trackers(given: TrainingFile, notes: list[str]) -> list[dict[str, Any]]:
    wandb = given.wandb
    if not wandb.enabled:
        return []
    if importlib.util.find_spec("wandb") is None:
        notes.append("wandb.enabled: wandb is not installed (pip install 'guerdon[wandb]'); "
                     "metrics.jsonl has every row")  # fmt: skip
        return []
    mode = "online" if os.environ.get("WANDB_API_KEY") else "offline"
    return [{"_target_": "guerdon.runs.trackers.Wandb", "project": wandb.project,
             "name": wandb.run_name, "mode": mode}]  # fmt: skip


def _executor(given: TrainingFile) -> dict[str, Any]:
    """The executor of ``aflow_llm.yaml``."""
    path = Path(given.aflow_config_path)
    known = read_file(path, ModelsFile).models
    name = given.aflow_executor_model
    if name not in known:
        raise ConfigError(
            f"aflow_executor_model: {name!r} is not in {path}; there are: {', '.join(known)}"
        )
    entry = known[name]
    if entry.api_type not in ("openai", "open_llm"):
        raise ConfigError(f"{path}: models.{name}.api_type: {entry.api_type!r}; only servers that "
                          f"speak OpenAI's protocol are asked (openai)")  # fmt: skip
    engine = {
        "_target_": "guerdon.engines.remote.RemoteEngine",
        "model": entry.model_name or name,
        "base_url": entry.base_url,
        "api_key_env": _variable(path, name, entry),
        "price": entry.price,
    }
    sampling = {"temperature": entry.temperature, "top_p": entry.top_p, "max_tokens": 2048}
    return {"engine": engine, "sampling": sampling}


def _variable(path: Path, name: str, entry: ExecutorEntry) -> str | None:
    """The environment variable that holds the key."""
    if not entry.api_key:
        return None
    found = re.fullmatch(r"\$\{(?:oc\.env:)?(\w+)\}|\$(\w+)", entry.api_key)
    if found is None:
        raise ConfigError(f"{path}: models.{name}.api_key: a key has no place in a file; write "
                          f"${{OPENAI_API_KEY}} and export it")  # fmt: skip
    return found[1] or found[2]
