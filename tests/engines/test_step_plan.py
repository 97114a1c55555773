"""Steps of every shape give what a plain forward pass gives."""

import pytest
import torch

from guerdon.engines.native import NativeEngine
from guerdon.fused import compiled
from guerdon.types import Sampling
from plain_forward import ENDLESS, POLICY, gap, ids, together


@pytest.mark.parametrize("compiler", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_any_mixture_of_groups_and_conversations_of_any_lengths_is_exact(
    seed: int, compiler: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared and private prompts, ragged turns, a small cache: every layout a step can have."""
    if not compiler:
        monkeypatch.setattr(compiled, "library", lambda: None)
    model = POLICY.model(seed=1)
    generator = torch.Generator().manual_seed(seed)

    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (1,), generator=generator))

    engine = NativeEngine(
        model, ENDLESS, max_cache_tokens=number(512, 4096), max_batch=number(2, 9)
    )
    shared = [ids(number(1, 30), seed=100 * seed + i) for i in range(3)]
    rows = [shared[number(0, 2)] for _ in range(6)] + [ids(number(1, 50), 7 * seed + 1)]
    for turn in range(4):
        calls, prompts = [], []
        for i, row in enumerate(rows):
            prompt = (
                row if turn == 0 else row + ids(number(1, 12), seed=1000 * seed + 10 * turn + i)
            )
            prompts.append(prompt)
            sampling = Sampling(max_tokens=number(1, 6), seed=number(0, 1 << 30))
            calls.append(engine.generate(prompt, sampling))
        replies = together(*calls)
        for prompt, reply in zip(prompts, replies, strict=True):
            assert gap(model, prompt, reply) < 1e-4
        rows = [p + r.token_ids for p, r in zip(prompts, replies, strict=True) if number(0, 4)]
