"""REINFORCE++: no critic, advantages normalised over the whole step."""

from dataclasses import dataclass
from typing import Literal

import torch

from guerdon.algorithms.advantages import group_center, group_count, returns_to_go, whiten
from guerdon.algorithms.options import check_choice, check_number
from guerdon.algorithms.policy_gradient import PolicyGradient
from guerdon.batch import Batch


@dataclass(kw_only=True)
class ReinforcePP(PolicyGradient):
    """A_t = whiten(G_t) over the step's action tokens; with ``baseline: group`` whiten(R - mean R).

    Source: Hu et al. 2025 (arXiv:2501.03262).
    """

    baseline: Literal["none", "group"] = "none"
    """group: less the group's mean first; a group with fewer than two members gets 0."""
    gamma: float = 1.0
    """Discount per action token; needs ``baseline: none``."""

    def problems(self) -> list[str]:
        """One line for each option that makes no sense."""
        found = super().problems() + check_choice(self, "baseline")
        found += check_number(self, "gamma", low=0.0, high=1.0)
        if self.baseline == "group" and self.gamma != 1.0:
            found.append(
                f"ReinforcePP.gamma is {self.gamma!r} but baseline is 'group', which compares "
                f"whole trajectories: set gamma: 1.0, or baseline: none"
            )
        return found

    @property
    def needs_group(self) -> bool:
        return self.baseline == "group"

    def estimate(self, batch: Batch) -> Batch:
        """Whitened returns."""
        mask, rewards = batch.action_mask, self.token_rewards(batch)
        if self.baseline == "none":
            returns = returns_to_go(rewards, mask, self.gamma)
            return self.estimated(batch, whiten(returns, mask), returns)
        total = rewards.sum(dim=1, keepdim=True)
        everyone = torch.ones_like(total, dtype=torch.bool)
        counted = mask & (group_count(everyone, batch.group) >= 2)
        relative = group_center(total, everyone, batch.group) * mask
        return self.estimated(batch, whiten(relative, counted), total * mask)
