"""Checkpoints on disk: Hugging Face directories, safetensors and JSON. No pickle, either way.

policy/                 what transformers loads: weights, or a LoRA adapter as PEFT writes it
critic/                 head.safetensors, and the backbone if it has its own
optimizer.safetensors   AdamW's state (and float32 masters of bfloat16 weights)
learner.json            counters
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel, AutoModelForCausalLM, PreTrainedModel

from guerdon import hf
from guerdon.errors import CheckpointError
from guerdon.learner.models import Critic, PolicyModels


def write_atomically(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a new sibling of ``folder``, then put it in its place.

    Whenever the process dies, ``folder`` is whole: as it was before, absent, or as written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.writing")
    stale = folder.with_name(f".{folder.name}.replaced")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    write(fresh)
    for path in [*fresh.rglob("*"), fresh]:
        _sync(path)
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    _sync(folder.parent)
    shutil.rmtree(stale, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save_models(models: PolicyModels, folder: Path) -> None:
    """Write policy, tokenizer and critic below ``folder``."""
    if models.adapter is not None:
        config = models.adapter.active_peft_config
        base = Path(str(config.base_model_name_or_path))
        if base.exists():  # a relative path would only be found from this directory
            config.base_model_name_or_path = str(base.resolve())
        models.adapter.save_pretrained(str(folder / "policy"), save_embedding_layers=False)
    else:
        hf.save_model(models.policy, folder / "policy")
    models.tokenizer.save_pretrained(folder / "policy")
    if models.critic is not None:
        (folder / "critic").mkdir()
        if models.critic.backbone is not None:
            hf.save_model(models.critic.backbone, folder / "critic")
        save_file(models.critic.head.state_dict(), folder / "critic" / "head.safetensors")


def load_models_into(models: PolicyModels, folder: Path) -> None:
    """Replace the weights of ``models``, in place, by those below ``folder``.

    Raises:
        CheckpointError: something is missing, or of another model.
    """
    if models.adapter is not None:
        path = folder / "policy" / "adapter_model.safetensors"
        own = get_peft_model_state_dict(models.adapter, save_embedding_layers=False)
        _copy(read_tensors(path), own, path)
    else:
        _copy_pretrained(AutoModelForCausalLM, folder / "policy", models.policy)
    if models.critic is not None:
        _load_critic(models.critic, folder / "critic")


def _load_critic(critic: Critic, folder: Path) -> None:
    _copy(read_tensors(folder / "head.safetensors"), critic.head.state_dict(), folder)
    if critic.backbone is not None:
        _copy_pretrained(AutoModel, folder, critic.backbone)


def _copy_pretrained(loader: Any, folder: Path, target: PreTrainedModel) -> None:
    if not (folder / "config.json").exists():
        raise CheckpointError(f"{folder}: no config.json, so no model of this kind was saved there")
    try:
        source = loader.from_pretrained(folder, dtype=target.dtype, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder}: cannot be read ({error})") from error
    _copy(source.state_dict(), target.state_dict(), folder)


@torch.no_grad()
def _copy(tensors: dict[str, Tensor], own: dict[str, Tensor], folder: Path) -> None:
    if odd := sorted(own.keys() ^ tensors.keys()):
        raise CheckpointError(
            f"{folder} is of another model: {len(odd)} weights differ, such as {odd[0]!r}"
        )
    for name, value in tensors.items():
        if value.shape != own[name].shape:
            raise CheckpointError(
                f"{folder} is of another model: {name!r} is {list(value.shape)} there, "
                f"{list(own[name].shape)} here"
            )
        own[name].copy_(value)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A safetensors file.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    return content


def export_policy(checkpoint: Path, out: Path) -> None:
    """Write a checkpoint's policy as a plain Hugging Face directory, LoRA adapters merged.

    Args:
        checkpoint: a checkpoint, its ``policy`` folder, or any model or adapter directory.

    Raises:
        CheckpointError: there is no model in it.
    """
    source = checkpoint / "policy" if (checkpoint / "policy").is_dir() else checkpoint
    if (source / "adapter_config.json").exists():
        base = read_json(source / "adapter_config.json")["base_model_name_or_path"]
        read_tensors(source / "adapter_model.safetensors")  # PEFT would fall back to a pickle
        model = _load_plain(base)
        model = PeftModel.from_pretrained(model, str(source)).merge_and_unload()
    elif (source / "config.json").exists():
        model = _load_plain(source)
    else:
        raise CheckpointError(f"{checkpoint}: neither a model nor a LoRA adapter is in it")
    tokenizer = hf.load_tokenizer(source)

    def write(folder: Path) -> None:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    write_atomically(out, write)


def _load_plain(path: str | Path) -> PreTrainedModel:
    try:
        return AutoModelForCausalLM.from_pretrained(path, dtype="auto", use_safetensors=True)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"model {str(path)!r}: cannot be loaded ({error})") from error
