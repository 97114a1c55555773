"""Will it fit? Sizes of models from the headers of their files, against disk and memory.

Estimates, made before anything is loaded: full fine-tuning keeps two float32 moments per parameter
(AdamW), in memory and in each checkpoint.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from guerdon.config.schema import Config, ModelSpec

_DTYPE_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
_MAX_HEADER = 100_000_000
_MOMENT_BYTES = 8
_RECORD_BYTES = 50_000_000
"""Room for episodes, metrics and adapters, whatever the model."""


@dataclass(frozen=True)
class ModelSize:
    """Parameters of a model and the bytes its files take."""

    role: str
    path: str
    num_parameters: int
    num_bytes: int


def measure(role: str, spec: ModelSpec) -> list[ModelSize]:
    """The size of a model on this machine; [] for hub names and models still to be built."""
    files = sorted(Path(spec.path).glob("*.safetensors")) if spec.path else []
    tensors = [tensor for file in files for tensor in _tensors(file)]
    if not tensors:
        return []
    num_bytes = sum(numel * size for numel, size in tensors)
    return [ModelSize(role, str(spec.path), sum(numel for numel, _ in tensors), num_bytes)]


def _tensors(file: Path) -> list[tuple[int, int]]:
    """(elements, bytes per element) of each tensor, from the file's JSON header."""
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length < _MAX_HEADER:
            return []
        try:
            header = json.loads(stream.read(length))
        except ValueError:  # loading the model says what is wrong with the file
            return []
    return [
        (prod(entry["shape"]), _DTYPE_BYTES.get(entry["dtype"], 1))
        for name, entry in header.items()
        if name != "__metadata__"
    ]


def run_problems(config: Config, sizes: Sequence[ModelSize]) -> list[str]:
    """Whether the run directory can be made and will hold what the run writes."""
    run = config.run
    if not run.name or Path(run.name).name != run.name or run.name in (".", ".."):
        return [f"run.name: must be a plain folder name, got {run.name!r}"]
    folder = Path(run.dir, run.name)
    if folder.exists() and not run.overwrite:
        return [
            f"run.name: {str(folder)!r} exists; choose another name, replace it with "
            f"run.overwrite=true, or go on with `guerdon train --resume {folder}`"
        ]
    place = next(parent for parent in folder.absolute().parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return [f"run.dir: cannot write to {str(place)!r}; set run.dir to a folder of yours"]
    needed, free = _run_bytes(config, sizes), shutil.disk_usage(place).free
    if needed > free:
        return [
            f"run.dir: no disk space, {str(place)!r} has {gigabytes(free)} free and the run may "
            f"write {gigabytes(needed)}; lower trainer.keep_last or set run.dir to another disk"
        ]
    return []


def _run_bytes(config: Config, sizes: Sequence[ModelSize]) -> int:
    policy = next((size for size in sizes if size.role == "policy"), None)
    if policy is None or config.models["policy"].lora is not None:
        return _RECORD_BYTES
    trainer = config.trainer
    num_kept = trainer.keep_last + 1 if trainer.save_every else 1  # 1: while the next is written
    if trainer.eval_every and trainer.keep_best:
        num_kept += 1
    return _RECORD_BYTES + num_kept * (policy.num_bytes + _MOMENT_BYTES * policy.num_parameters)


def memory_warnings(config: Config, sizes: Sequence[ModelSize]) -> list[str]:
    """A warning when the weights, gradients and moments of CPU models exceed free memory."""
    free = _free_memory()
    on_cpu = [size for size in sizes if _is_on_cpu(config.models[size.role])]
    needed = sum(_memory_bytes(size, config.models[size.role]) for size in on_cpu)
    if free is None or needed <= free:
        return []
    return [
        f"memory: the models on the CPU need about {gigabytes(needed)} and {gigabytes(free)} are "
        f"free; use LoRA (models.policy.lora.rank=16) or a smaller model"
    ]


def device_problems(role: str, spec: ModelSpec) -> list[str]:
    """Whether the device a model asks for is here."""
    if spec.device in ("auto", "cpu"):
        return []
    at = f"models.{role}.device"
    if not re.fullmatch(r"cuda(:\d+)?", spec.device):
        return [f"{at}: must be auto, cpu, cuda or cuda:N, got {spec.device!r}"]
    if _num_gpus() <= int(spec.device.partition(":")[2] or 0):
        return [f"{at}: {spec.device!r} asked for and {_num_gpus()} GPUs visible; use cpu or auto"]
    return []


def _is_on_cpu(spec: ModelSpec) -> bool:
    return spec.device == "cpu" or (spec.device == "auto" and not _num_gpus())


def _num_gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _memory_bytes(size: ModelSize, spec: ModelSpec) -> int:
    per_weight = 2 if spec.dtype == "bfloat16" else 4
    is_trained = size.role == "policy" and spec.lora is None
    per_parameter = 2 * per_weight + _MOMENT_BYTES if is_trained else per_weight
    return size.num_parameters * per_parameter


def _free_memory() -> int | None:
    """Available memory in bytes; None where the system does not say."""
    file = Path("/proc/meminfo")
    if not file.exists():
        return None
    lines = dict(line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
    return int(lines["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in lines else None


def gigabytes(num_bytes: int) -> str:
    """Bytes for people."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:.1f} MB"
