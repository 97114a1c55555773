"""GiGPO: each step is compared, too, with what others did in the same state."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

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
class GiGPO(PolicyGradient):
    """A = A_episode + step_coef A_step.

    A_episode = (R - mean R) / std R over the group, as GRPO has it. A_step is the same of the
    discounted return from a turn on, over all turns of the group that began in the same state
    (`Turn.state`, else the observation); a state that was visited once has A_step = 0.

    Source: Feng et al. 2025 (arXiv:2505.10978).
    """

    norm: Norm = "unbiased_std"
    step_coef: float = 1.0
    gamma: float = 0.95
    """Discount per turn of the return that steps are compared by."""

    def problems(self) -> list[str]:
        """One line for each option that makes no sense."""
        found = super().problems() + check_choice(self, "norm")
        found += check_number(self, "gamma", low=0.0, high=1.0)
        return found + check_number(self, "step_coef", low=0.0)

    @property
    def needs_group(self) -> bool:
        return True

    def estimate(self, batch: Batch) -> Batch:
        """Advantages over the group and over its states."""
        mask, ends, rewards = batch.action_mask, batch.turn_ends, self.token_rewards(batch)
        total = rewards.sum(dim=1, keepdim=True)
        everyone = torch.ones_like(total, dtype=torch.bool)
        episode = group_relative(total, everyone, batch.group, self.norm)
        exists = turns_exist(ends)
        turns = turn_sums(rewards, mask, ends)
        returns = discounted_sum(turns, exists, torch.full_like(turns, self.gamma))
        flat, there = returns.reshape(-1, 1), exists.reshape(-1, 1)
        step = group_relative(flat, there, _buckets(batch).flatten(), self.norm).view_as(returns)
        advantages = episode * mask + self.step_coef * to_tokens(step, mask, ends)
        return self.estimated(batch, advantages, to_tokens(returns, mask, ends))


def _buckets(batch: Batch) -> Int[Tensor, "B K"]:
    """A number for each turn: equal where the group and the state are."""
    assert batch.states is not None, "a batch made from trajectories has states"
    at_end: Float[Tensor, "B T"] = batch.states.clamp(min=0).double()
    number = turn_sums(at_end, batch.turn_ends, batch.turn_ends).long()
    return number * (batch.group.max() + 1) + batch.group.unsqueeze(1)
