"""PPO, with a critic or without."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from guerdon.algorithms.advantages import (
    bilevel_gae,
    gae,
    group_center,
    group_count,
    returns_to_go,
    to_tokens,
    turn_gae,
    turn_starts,
    turns_exist,
    whiten,
)
from guerdon.algorithms.losses import value_loss
from guerdon.algorithms.options import check_choice, check_number
from guerdon.algorithms.policy_gradient import PolicyGradient, mean_sums, numbers
from guerdon.batch import Batch
from guerdon.types import Metrics


@dataclass(kw_only=True)
class PPO(PolicyGradient):
    """Clipped updates on GAE. ``critic: false`` is GAE with V = 0 and lam = 1 (the return to go)
    less a baseline that needs no critic: the group's mean, the step's mean, or both.

    Source: Schulman et al. 2017 (arXiv:1707.06347).
    """

    critic: bool = True
    gamma: float = 1.0
    lam: float = 1.0
    time: Literal["token", "turn", "bilevel", "turn_value"] = "token"
    """What gamma and lam count. turn: turns, in GAE over tokens. bilevel: tokens inside a turn, and
    turn_gamma with lam over turns. turn_value: a turn is one action with one value, that before its
    first token."""
    turn_gamma: float = 0.95
    """Discount from turn to turn with ``time: bilevel``."""
    baseline: Literal["none", "group"] = "none"
    """Without a critic. group: the mean return of the group's members from the same turn on."""
    norm: Literal["none", "batch_std", "whiten"] = "whiten"
    """Of the advantages over the step's action tokens: divide by their std; whiten: less their
    mean, too."""
    value_coef: float = 0.5
    value_clip: float | None = 0.2
    value_warmup: int = 0
    """Steps at the start in which only the critic learns."""
    _steps_done: int = field(default=0, init=False, repr=False)

    def problems(self) -> list[str]:
        """One line for each option that makes no sense."""
        found = super().problems()
        for name in ("time", "baseline", "norm"):
            found += check_choice(self, name)
        found += check_number(self, "gamma", low=0.0, high=1.0)
        found += check_number(self, "lam", low=0.0, high=1.0)
        found += check_number(self, "value_coef", low=0.0)
        found += check_number(self, "value_clip", above=0.0)
        found += check_number(self, "turn_gamma", low=0.0, high=1.0)
        found += check_number(self, "value_warmup", low=0.0)
        if not self.critic and self.time in ("bilevel", "turn_value"):
            found.append(
                f"PPO.time is {self.time!r} but critic is false, and without values there is only "
                f"one level: set time: turn, or critic: true"
            )
        if not self.critic and self.value_warmup:
            found.append(
                f"PPO.value_warmup is {self.value_warmup!r} but critic is false: drop value_warmup"
            )
        if self.critic and self.baseline == "group":
            found.append(
                "PPO.baseline is 'group' but critic is true, and the critic is the baseline: drop "
                "baseline, or set critic: false"
            )
        if not self.critic and self.lam != 1.0:
            found.append(
                f"PPO.lam is {self.lam!r} but critic is false, and without values lam has nothing "
                f"to weigh: set lam: 1.0"
            )
        if not self.critic and self.baseline == "none" and self.norm != "whiten":
            found.append(
                f"PPO.critic is false with baseline: none and norm: {self.norm}: returns without a "
                f"baseline only add noise; set baseline: group or norm: whiten"
            )
        return found

    @property
    def needs_critic(self) -> bool:
        return self.critic

    @property
    def needs_every_row(self) -> bool:
        return self.critic or super().needs_every_row

    @property
    def needs_group(self) -> bool:
        return self.baseline == "group"

    def estimate(self, batch: Batch) -> Batch:
        """GAE, or returns less a baseline, normalised over the step."""
        mask, rewards = batch.action_mask, self.token_rewards(batch)
        counted = mask
        if self.critic:
            advantages, returns = self._gae(rewards, batch)
        else:
            ends = batch.turn_ends if self.time == "turn" else None
            advantages = returns = returns_to_go(rewards, mask, self.gamma, ends)
            if self.baseline == "group":
                advantages, counted = _less_group_mean(returns, batch)
        if self.norm != "none":
            advantages = whiten(advantages, counted, center=self.norm == "whiten")
        return self.estimated(batch, advantages, returns)

    def _gae(
        self, rewards: Float[Tensor, "B T"], batch: Batch
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """(advantages, returns) by ``time``."""
        assert batch.values is not None, "annotate comes first"
        row, ends = (rewards, batch.values, batch.action_mask), batch.turn_ends
        if self.time == "bilevel":
            return bilevel_gae(*row, ends, self.gamma, self.lam, self.turn_gamma)
        if self.time == "turn_value":
            return turn_gae(*row, ends, self.gamma, self.lam)
        return gae(*row, self.gamma, self.lam, ends if self.time == "turn" else None)

    def loss(
        self,
        logprobs: Float[Tensor, "B T"],
        entropy: Float[Tensor, "B T"],
        values: Float[Tensor, "B T"] | None,
        batch: Batch,
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """The policy's loss plus value_coef times the critic's."""
        loss, metrics = super().loss(logprobs, entropy, values, batch)
        if not self.critic:
            return loss, metrics
        assert values is not None and batch.values is not None and batch.returns is not None
        now, old, returns = (
            torch.where(batch.action_mask, x, 0.0) for x in (values, batch.values, batch.returns)
        )
        errors, clipped = value_loss(now, old, returns, self.value_clip)
        value = (self._value_weights(batch) * errors).sum()
        frac = mean_sums({"loss/value_clip_frac": clipped}, batch)
        metrics |= numbers({"loss/value": value} | frac)
        if self._steps_done < self.value_warmup:
            loss = loss.detach()
        return loss + self.value_coef * value, metrics

    def _value_weights(self, batch: Batch) -> Float[Tensor, "B T"]:
        """The weight of each token in the critic's loss; a turn with one value counts once."""
        if self.time != "turn_value":
            return self.weights(batch)
        # a token of a turn whose predecessor is none of it is its first
        before = torch.nn.functional.pad(batch.action_mask & ~batch.turn_ends, (1, 0))[:, :-1]
        return self.weights(batch) * (batch.action_mask & ~before)

    def advance(self, step: int, metrics: Metrics) -> None:
        """See `PolicyGradient.advance`."""
        super().advance(step, metrics)
        self._steps_done = step

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint must hold."""
        return super().state_dict() | {"steps_done": self._steps_done}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on where ``state_dict`` was taken."""
        super().load_state_dict(state)
        self._steps_done = int(state["steps_done"])


def _less_group_mean(
    returns: Float[Tensor, "B T"], batch: Batch
) -> tuple[Float[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """G_t less the group's mean return at the start of the same turn, and where there is one.

    One number per turn, known before its first token: a baseline, whatever the tokens then are.
    """
    mask, ends = batch.action_mask, batch.turn_ends
    exists = turns_exist(ends)
    starts = turn_starts(returns, mask, ends)
    compared = (group_count(exists, batch.group) >= 2).to(returns.dtype)
    counted = to_tokens(compared, mask, ends) > 0
    # G_t - mean = (G_t - G_start) + (G_start - mean), so that equal returns give exactly 0
    within = returns - to_tokens(starts, mask, ends)
    between = to_tokens(group_center(starts, exists, batch.group), mask, ends)
    return (within + between).masked_fill(~counted, 0.0), counted
