"""A tiny policy on disk, and its weights in transformers' own attention."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

from guerdon.batch import Batch
from guerdon.tiny import TinyPolicy
from policy_rows import mixed_rows


@pytest.fixture(scope="session")
def policy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, 4 heads on 2 KV heads, 260 bytes of vocabulary."""
    folder = tmp_path_factory.mktemp("policy")
    TinyPolicy(hidden=32, mlp=48, num_kv_heads=2, context=256).save(folder)
    return folder


@pytest.fixture
def rows() -> Batch:
    """See `mixed_rows`."""
    return mixed_rows()


@pytest.fixture
def plain_model(policy_folder: Path) -> Callable[[], PreTrainedModel]:
    """The same weights in transformers' own attention, float64."""

    def load() -> PreTrainedModel:
        return AutoModelForCausalLM.from_pretrained(
            policy_folder, dtype=torch.float64, attn_implementation="sdpa"
        ).eval()

    return load


@pytest.fixture
def exact_norms(monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers computes RMSNorm in float32 even in a float64 model; for comparisons at 1e-10 it
    must not."""

    def forward(self: Qwen2RMSNorm, hidden: Tensor) -> Tensor:
        variance = hidden.pow(2).mean(-1, keepdim=True)
        return self.weight * hidden * torch.rsqrt(variance + self.variance_epsilon)

    monkeypatch.setattr(Qwen2RMSNorm, "forward", forward)
