"""GRPO, and by its options Dr. GRPO, DAPO, GSPO and CISPO: the other members of the group are the
baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from guerdon.algorithms.advantages import (
    Norm,
    discounted_sum,
    group_relative,
    to_tokens,
    turn_sums,
    turns_exist,
    whiten,
)
from guerdon.algorithms.options import check_choice, check_number
from guerdon.algorithms.policy_gradient import PolicyGradient
from guerdon.batch import Batch
from guerdon.errors import ConfigError


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
    parts: Mapping[str, float] = field(default_factory=dict)
    """Weights of parts of the outcome that are compared apart (GDPO); {}: the whole reward is."""

    def problems(self) -> list[str]:
        """One line for each option that makes no sense."""
        found = super().problems() + check_choice(self, "norm") + check_choice(self, "credit")
        found += check_number(self, "gamma", low=0.0, high=1.0)
        if self.credit == "trajectory" and self.gamma != 1.0:
            found.append(
                f"GRPO.gamma is {self.gamma!r} but credit is 'trajectory', where nothing is "
                f"discounted: set credit: turn, or drop gamma"
            )
        if self.parts and (
            self.credit == "turn" or (self.kl_in == "reward" and self.needs_reference)
        ):
            found.append(
                "GRPO.parts compares parts of the outcome, and rewards of turns or a KL penalty in "
                "the reward are no part of it: set credit: trajectory and kl_in: loss, or drop "
                "parts"
            )
        return found

    @property
    def needs_group(self) -> bool:
        return True

    def estimate(self, batch: Batch) -> Batch:
        """Group-relative advantages; a group with fewer than two members gets 0."""
        if self.parts:
            return self._estimate_parts(batch)
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

    def _estimate_parts(self, batch: Batch) -> Batch:
        """A = x / std x over the step, x = sum_p w_p (r_p - mean r_p) / (std r_p + eps).

        So a part that varies little is not drowned by one that varies much.

        Source: Liu et al. 2026 (arXiv:2601.05242). The mean of x is 0; it is not taken off again,
        so that a group without signal stays at exactly 0.
        """
        mask = batch.action_mask
        total, returns = (torch.zeros(batch.size, 1, device=mask.device) for _ in range(2))
        for name, weight in self.parts.items():
            part = _part(batch, name)
            every = torch.ones_like(part, dtype=torch.bool)
            total = total + weight * group_relative(part, every, batch.group, self.norm)
            returns = returns + weight * part
        even = whiten(total, torch.ones_like(total, dtype=torch.bool), center=False)
        return self.estimated(batch, even * mask, returns * mask)


def _part(batch: Batch, name: str) -> Float[Tensor, "B 1"]:
    """One part of every row's outcome."""
    if batch.parts is None or name not in batch.part_names:
        raise ConfigError(
            f"algorithm.parts: the reward has no part {name!r}; it has "
            f"{', '.join(batch.part_names) or 'none'}"
        )
    part = batch.parts[:, batch.part_names.index(name)].unsqueeze(1)
    if part.isnan().any():
        raise ConfigError(f"algorithm.parts: some rewards lack {name!r}; name parts that all have")
    return part
