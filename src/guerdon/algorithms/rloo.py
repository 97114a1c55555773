"""RLOO: REINFORCE with the mean of the other members as baseline."""

from dataclasses import dataclass

import torch

from guerdon.algorithms.advantages import leave_one_out
from guerdon.algorithms.aggregation import Aggregation
from guerdon.algorithms.policy_gradient import PolicyGradient
from guerdon.batch import Batch


@dataclass(kw_only=True)
class RLOO(PolicyGradient):
    """A_i = R_i - mean of R over the other members of the group.

    The whole reply is one action, hence the sum over its tokens by default.

    Source: Ahmadian et al. 2024 (arXiv:2402.14740).
    """

    aggregation: Aggregation = "seq-mean-token-sum"

    @property
    def needs_group(self) -> bool:
        return True

    def estimate(self, batch: Batch) -> Batch:
        """Leave-one-out advantages; a group with fewer than two members gets 0."""
        returns = self.token_rewards(batch).sum(dim=1, keepdim=True)
        everyone = torch.ones_like(returns, dtype=torch.bool)
        relative = leave_one_out(returns, everyone, batch.group)
        return self.estimated(batch, relative * batch.action_mask, returns * batch.action_mask)
