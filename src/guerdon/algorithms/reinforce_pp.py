"""REINFORCE++ and TRR++: no critic, advantages normalised over the step, or over each role."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from guerdon.algorithms.advantages import group_center, group_count, returns_to_go, whiten
from guerdon.algorithms.options import check_choice, check_number
from guerdon.algorithms.policy_gradient import PolicyGradient
from guerdon.batch import Batch


@dataclass(kw_only=True)
class ReinforcePP(PolicyGradient):
    """A_t = whiten(G_t) over the step's action tokens; with ``baseline: group`` whiten(R - mean R).

    ``baseline: role`` is TRR++: whitened over the rows of each role by itself, so that easy work is
    not held against hard work. Self-play's roles are (proposer or solver, kind of task).

    Source: Hu et al. 2025 (arXiv:2501.03262). TRR++: Zhao et al. 2025 (arXiv:2505.03335), eq. 8.
    """

    baseline: Literal["none", "group", "role"] = "none"
    """group: less the group's mean first; a group with fewer than two members gets 0."""
    statistics: Literal["token", "sequence"] = "token"
    """Mean and variance over action tokens, where long replies count more, or over rows."""
    gamma: float = 1.0
    """Discount per action token; not with ``baseline: group`` or ``statistics: sequence``."""

    def problems(self) -> list[str]:
        """One line for each option that makes no sense."""
        found = super().problems() + check_choice(self, "baseline")
        found += check_choice(self, "statistics") + check_number(self, "gamma", low=0.0, high=1.0)
        if self.baseline == "group" and self.gamma != 1.0:
            found.append(
                f"ReinforcePP.gamma is {self.gamma!r} but baseline is 'group', which compares "
                f"whole trajectories: set gamma: 1.0, or baseline: none"
            )
        elif self.statistics == "sequence" and self.gamma != 1.0:
            found.append(
                f"ReinforcePP.gamma is {self.gamma!r} but statistics is 'sequence', which compares "
                f"whole trajectories: set gamma: 1.0, or statistics: token"
            )
        return found

    @property
    def needs_group(self) -> bool:
        return self.baseline == "group"

    def estimate(self, batch: Batch) -> Batch:
        """Whitened returns."""
        mask, rewards = batch.action_mask, self.token_rewards(batch)
        counted = mask
        if self.baseline == "group":
            total = rewards.sum(dim=1, keepdim=True)
            everyone = torch.ones_like(total, dtype=torch.bool)
            counted = mask & (group_count(everyone, batch.group) >= 2)
            relative, returns = group_center(total, everyone, batch.group) * mask, total * mask
        elif self.statistics == "sequence":
            relative = returns = rewards.sum(dim=1, keepdim=True) * mask
        else:
            relative = returns = returns_to_go(rewards, mask, self.gamma)
        one_part = batch.role is None or self.baseline != "role"
        roles = torch.zeros_like(batch.group) if one_part else batch.role
        assert roles is not None
        advantages = torch.zeros_like(relative)
        for role in roles.unique():
            rows = counted & (roles == role).unsqueeze(1)
            advantages += self._whitened(relative, rows)
        return self.estimated(batch, advantages, returns)

    def _whitened(
        self, returns: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T"]:
        """Whitened over the masked tokens, or over the rows that have any; 0 elsewhere."""
        if self.statistics == "token":
            return whiten(returns, mask)
        first = mask.to(torch.uint8).argmax(dim=1, keepdim=True)
        row = returns.gather(1, first)  # all tokens of a row have its return
        return whiten(row, mask.any(dim=1, keepdim=True)) * mask
