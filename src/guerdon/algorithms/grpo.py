"""GRPO, and by its options Dr. GRPO, DAPO, GSPO and CISPO: the other members of the group are the
baseline."""

from dataclasses import dataclass
from typing import Literal

import torch

from guerdon.algorithms.advantages import (
    Norm,
    discounted_sum,
    group_relative,
    to_tokens,
    turn_sums,
    turns_exist,
)
from guerdon.algorithms.options import check_choice, check_number
from guerdon.algorithms.policy_gradient import PolicyGradient
from guerdon.batch import Batch


@dataclass(kw_only=True)
class GRPO(PolicyGradient):
    """A = (R - mean R) / std R over the group; with ``credit: turn`` R is the return from a turn
    on, compared with the same turn of the other members.

    Source: Shao et al. 2024 (arXiv:2402.03300).
    """

    norm: Norm = "unbiased_std"
    credit: Literal["trajectory", "turn"] = "trajectory"
    gamma: float = 1.0
    """Discount per turn; needs ``credit: turn``."""

    def problems(self) -> list[str]:
        """One line for each option that makes no sense."""
        found = super().problems() + check_choice(self, "norm") + check_choice(self, "credit")
        found += check_number(self, "gamma", low=0.0, high=1.0)
        if self.credit == "trajectory" and self.gamma != 1.0:
            found.append(
                f"GRPO.gamma is {self.gamma!r} but credit is 'trajectory', where nothing is "
                f"discounted: set credit: turn, or drop gamma"
            )
        return found

    @property
    def needs_group(self) -> bool:
        return True

    def estimate(self, batch: Batch) -> Batch:
        """Group-relative advantages; a group with fewer than two members gets 0."""
        mask, ends, rewards = batch.action_mask, batch.turn_ends, self.token_rewards(batch)
        if self.credit == "trajectory":
            returns = rewards.sum(dim=1, keepdim=True)
            relative = group_relative(
                returns, torch.ones_like(returns, dtype=torch.bool), batch.group, self.norm
            )
            return self.estimated(batch, relative * mask, returns * mask)
        exists = turns_exist(ends)
        turns = turn_sums(rewards, mask, ends)
        returns = discounted_sum(turns, exists, torch.full_like(turns, self.gamma))
        relative = group_relative(returns, exists, batch.group, self.norm)
        return self.estimated(
            batch, to_tokens(relative, mask, ends), to_tokens(returns, mask, ends)
        )
