"""Batches drawn as strings: "o" observation, "a" action, "e" the action that ends its turn, " "
padding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from guerdon.batch import Batch


def draw(
    rows: Sequence[str],
    rewards: Sequence[Sequence[float]],
    group: Sequence[int] | None = None,
    truncated: Sequence[bool] | None = None,
    **tensors: Tensor,
) -> Batch:
    """A batch with one string per row and, per row, one reward for each of its "e"."""
    width = max(map(len, rows))
    text = [row.ljust(width) for row in rows]
    ends = torch.tensor([[c == "e" for c in row] for row in text])
    mask = torch.tensor([[c in "ae" for c in row] for row in text])
    paid = torch.zeros(mask.shape)
    paid[ends] = torch.tensor([float(r) for row in rewards for r in row])
    return Batch(
        token_ids=torch.arange(mask.numel()).reshape(mask.shape),
        action_mask=mask,
        rewards=paid,
        turn_ends=ends,
        lengths=torch.tensor([len(row.rstrip()) for row in rows]),
        group=torch.tensor(group if group is not None else [0] * len(rows)),
        truncated=torch.tensor(truncated if truncated is not None else [False] * len(rows)),
        temperature=torch.ones(len(rows)),
        num_actions=int(mask.sum()),
        num_rows=len(rows),
        states=torch.where(ends, paid.long().cumsum(dim=1), -1),  # some are met again
        **({"logprobs": torch.zeros(mask.shape)} | tensors),
    )


def random_batch(seed: int, rows: int = 6, groups: int = 2) -> Batch:
    """Rows of random turns and lengths, with everything an algorithm may ask for."""
    generator = torch.Generator().manual_seed(seed)

    def number(high: int) -> int:
        return int(torch.randint(high, (1,), generator=generator))

    texts = []
    for _ in range(rows):
        turns = ["o" * (1 + number(3)) + "a" * number(3) + "e" for _ in range(1 + number(3))]
        texts.append("".join(turns))
    rewards = [[float(number(3)) for c in text if c == "e"] for text in texts]
    batch = draw(
        texts,
        rewards,
        group=[number(groups) for _ in range(rows)],
        truncated=[number(4) == 0 for _ in range(rows)],
    )

    def noise() -> Tensor:
        values = torch.randn(batch.action_mask.shape, generator=generator)
        return torch.where(batch.action_mask, values, 0.0)

    old = -1.5 + noise() * 0.3
    return batch.with_(
        logprobs=torch.where(batch.action_mask, old + 0.05 * noise(), 0.0),
        old_logprobs=torch.where(batch.action_mask, old, 0.0),
        ref_logprobs=torch.where(batch.action_mask, old + 0.2 * noise(), 0.0),
        values=noise(),
    )


def outputs(batch: Batch, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """What a learner would hand to a loss: log-probs near pi_old, entropies, values; leaves."""
    generator = torch.Generator().manual_seed(seed)
    shape = batch.action_mask.shape
    assert batch.old_logprobs is not None and batch.values is not None
    logprobs = batch.old_logprobs + 0.3 * torch.randn(shape, generator=generator)
    entropy = torch.rand(shape, generator=generator)
    values = batch.values + 0.3 * torch.randn(shape, generator=generator)
    return tuple(
        torch.where(batch.action_mask, x, 0.0).requires_grad_()  # type: ignore[return-value]
        for x in (logprobs, entropy, values)
    )
