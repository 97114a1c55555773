"""Supervised learning on given actions, as an algorithm: the learner needs nothing else for a warm
start."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from guerdon.algorithms.policy_gradient import mean_sums, numbers
from guerdon.batch import Batch
from guerdon.types import Metrics


@dataclass(kw_only=True)
class Imitation:
    """loss = -sum_{i,t} log pi(a_t|s_t) / num_actions."""

    @property
    def needs_critic(self) -> bool:
        return False

    @property
    def needs_reference(self) -> bool:
        return False

    @property
    def needs_every_row(self) -> bool:
        return True

    def estimate(self, batch: Batch) -> Batch:
        """Every action is worth 1."""
        return batch.with_(advantages=batch.action_mask.float())

    def loss(
        self,
        logprobs: Float[Tensor, "B T"],
        entropy: Float[Tensor, "B T"],
        values: Float[Tensor, "B T"] | None,
        batch: Batch,
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """See `guerdon.types.Algorithm.loss`."""
        chosen = torch.where(batch.action_mask, logprobs, 0.0)
        loss = -chosen.sum() / max(batch.num_actions, 1)
        means = mean_sums({"policy/entropy": entropy}, batch)
        return loss, numbers({"loss/imitation": loss} | means)
