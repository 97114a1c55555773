"""Checkpoints that transformers loads by itself, and that are never half there."""

import subprocess
import sys
from pathlib import Path

import pytest

from guerdon.config.schema import Learner as Settings
from guerdon.config.schema import Lora, ModelSpec
from guerdon.errors import CheckpointError
from guerdon.learner.checkpoint import export_policy, write_atomically
from guerdon.learner.learner import Learner
from guerdon.learner.models import load_models
from policy_rows import Surrogate, mixed_rows, with_advantages


def trained(folder: Path, lora: Lora | None = None) -> Learner:
    models = load_models(ModelSpec(path=str(folder), device="cpu", lora=lora))
    learner = Learner(models, Surrogate(), Settings(lr=1e-2), total_steps=2)
    learner.update(with_advantages(mixed_rows()))
    return learner


PROGRAM = """
import sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
for folder in sys.argv[1:]:
    assert AutoTokenizer.from_pretrained(folder).chat_template
    model = AutoModelForCausalLM.from_pretrained(folder)
    print(model(input_ids=torch.arange(3, 20)[None]).logits.double().abs().sum().item())
assert not any(name.split(".")[0] == "guerdon" for name in sys.modules)
"""


def test_transformers_loads_checkpoints_and_exports_without_guerdon(
    policy_folder: Path, tmp_path: Path
) -> None:
    folders = [policy_folder]
    for name, lora in (("full", None), ("lora", Lora(rank=2))):
        write_atomically(tmp_path / name, trained(policy_folder, lora).save)
        export_policy(tmp_path / name, tmp_path / f"{name}-plain")
        assert not (tmp_path / f"{name}-plain" / "adapter_config.json").exists()
        folders += [tmp_path / name / "policy", tmp_path / f"{name}-plain"]
    command = [sys.executable, "-c", PROGRAM, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    start, full, full_plain, lora, lora_plain = map(float, done.stdout.split())
    assert full == full_plain
    assert lora == pytest.approx(lora_plain, rel=1e-5)
    assert len({round(start, 2), round(full, 2), round(lora, 2)}) == 3


def test_a_checkpoint_holds_no_pickle(policy_folder: Path, tmp_path: Path) -> None:
    write_atomically(tmp_path / "step", trained(policy_folder, Lora(rank=2)).save)
    kinds = {path.suffix for path in (tmp_path / "step").rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".jinja", ".md"}


def test_a_write_that_fails_leaves_the_old_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "step"
    write_atomically(target, lambda folder: _note(folder, "first"))

    def fail(folder: Path) -> None:
        _note(folder, "second")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_atomically(target, fail)
    assert (target / "note").read_text() == "first"
    write_atomically(target, lambda folder: _note(folder, "third"))
    assert (target / "note").read_text() == "third"
    assert [path.name for path in tmp_path.iterdir()] == ["step"]


def _note(folder: Path, text: str) -> None:
    (folder / "note").write_text(text)


def test_a_folder_without_a_model_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="neither a model nor a LoRA adapter"):
        export_policy(tmp_path, tmp_path / "out")
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "somewhere"}')
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors"):
        export_policy(tmp_path, tmp_path / "out")
