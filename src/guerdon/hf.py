"""Hugging Face directories: say what is wrong with one before a weight is read, then load it for
guerdon's attention."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from guerdon import attention
from guerdon.errors import ConfigError
from guerdon.fused import fuse

# peft still says what transformers has renamed; a user can do nothing about it
warnings.filterwarnings("ignore", message=".*gradient_checkpointing.* is deprecated")
logging.disable_progress_bar()  # theirs would break the live display of a run


def check_model(path: str | Path, *, needs_template: bool = True) -> list[str]:
    """Problems of a model directory, one line each; [] when it is fine. Reads no weights.

    A name that is no local directory is taken for a hub name (``owner/name``) and not checked.
    """
    folder = Path(path)
    if not folder.exists():
        if _is_hub_name(str(path)):
            return []
        return [
            f"model {str(path)!r}: no such directory; give a local folder or a hub name owner/name"
        ]
    if not (folder / "config.json").exists():
        adapter = " (it holds a LoRA adapter: `guerdon export` merges it)"
        hint = adapter if (folder / "adapter_config.json").exists() else ""
        return [f"model {str(path)!r}: no config.json, so not a Hugging Face model directory{hint}"]
    problems = []
    try:
        json.loads((folder / "config.json").read_text())
    except ValueError as error:
        problems.append(f"model {str(path)!r}: config.json is not valid JSON ({error})")
    if not any(
        (folder / name).exists() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")
    ):
        problems.append(
            f"model {str(path)!r}: no tokenizer; save one there with tokenizer.save_pretrained"
        )
    elif needs_template and not _has_template(folder):
        problems.append(
            f"model {str(path)!r}: its tokenizer has no chat template; add chat_template.jinja, "
            f"or use an instruct model"
        )
    if not (list(folder.glob("*.safetensors")) or list(folder.glob("*.safetensors.index.json"))):
        problems.append(
            f"model {str(path)!r}: no *.safetensors weights (pickled .bin files are never read)"
        )
    return problems


def _is_hub_name(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith("/")


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").exists() or (folder / "chat_template.json").exists():
        return True
    config = folder / "tokenizer_config.json"
    return config.exists() and bool(json.loads(config.read_text()).get("chat_template"))


def load_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a local directory or a hub name."""
    try:
        return AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"model {str(path)!r}: cannot load its tokenizer ({_first_line(error)})"
        ) from error


def load_model(
    path: str | Path, *, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> PreTrainedModel:
    """A causal language model whose attention runs under `attention.attending`; its decoder layers
    are `fused` where they can be."""
    try:
        config = AutoConfig.from_pretrained(path)
        check_attention(str(path), config)
        model = AutoModelForCausalLM.from_pretrained(
            path,
            config=config,
            dtype=dtype,
            attn_implementation=attention.NAME,
            use_safetensors=True,
        )
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"model {str(path)!r}: cannot be loaded ({_first_line(error)})"
        ) from error
    model.to(device)  # type: ignore[arg-type]
    fuse(model)
    return model.eval()


def save_model(model: PreTrainedModel, folder: str | Path) -> None:
    """Write a directory that `load_model` and transformers read.

    From the CPU: transformers clones weights that lie in one piece of memory, as `fused` ones do,
    and on a GPU there may be no room for that. Tied weights stay tied.
    """
    moved: dict[tuple[int, torch.Size], Tensor] = {}
    state = {}
    for name, tensor in model.state_dict().items():
        state[name] = moved.setdefault((tensor.data_ptr(), tensor.shape), tensor.cpu())
    model.save_pretrained(folder, state_dict=state)


def load_classifier(
    path: str | Path, *, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> PreTrainedModel:
    """A sequence-classification model: a reward model.

    Raises:
        ConfigError: it cannot be loaded, or has no classification head (one would be random).
    """
    try:
        model, found = AutoModelForSequenceClassification.from_pretrained(
            path, dtype=dtype, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"model {str(path)!r}: cannot be loaded ({_first_line(error)})"
        ) from error
    if missing := sorted(found["missing_keys"]):
        raise ConfigError(
            f"model {str(path)!r}: is no reward model; it has no weights for {', '.join(missing)}"
        )
    model.to(device)
    return model.eval()


def check_attention(name: str, config: object) -> None:
    """Refuse architectures whose attention `guerdon.attention` does not implement."""
    if getattr(config, "attn_logit_softcapping", None):
        raise ConfigError(
            f"model {name!r}: attention soft-capping is not supported; use another architecture"
        )
    if getattr(config, "attention_dropout", 0.0):
        raise ConfigError(f"model {name!r}: set attention_dropout to 0 in its config.json")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
