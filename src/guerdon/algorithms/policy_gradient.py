"""What all policy-gradient algorithms share: their options and their loss. Each adds how it
estimates advantages."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from guerdon.algorithms.aggregation import Aggregation, token_weights
from guerdon.algorithms.kl import Adaptive, Estimator, Scheduled, estimate_kl
from guerdon.algorithms.losses import (
    cispo,
    clipped_surrogate,
    engine_weights,
    log_ratio,
    sequence_log_ratio,
)
from guerdon.algorithms.options import check_choice, check_number
from guerdon.batch import Batch
from guerdon.errors import ConfigError
from guerdon.types import Metrics


@dataclass(kw_only=True)
class PolicyGradient:
    """loss = sum_{i,t} w_{i,t} (surrogate + kl_coef KL - entropy_coef H), w by ``aggregation``.

    Subclasses give ``estimate``. ``docs/algorithms.md`` has the equations.
    """

    surrogate: Literal["clip", "gspo", "cispo"] = "clip"
    """clip: PPO's, per token. gspo: the same on the sequence's ratio. cispo: a clipped weight."""
    clip_low: float = 0.2
    clip_high: float = 0.2
    dual_clip: float | None = None
    """Bounds the loss at -dual_clip A where A < 0."""
    aggregation: Aggregation = "token-mean"
    length_norm: float | None = None
    """With seq-mean-token-sum: a constant length in tokens that sums are divided by."""
    kl_coef: float | Scheduled | Adaptive = 0.0
    """A number, {start, end, steps} or {start, target, gain}; 0: no reference policy is loaded."""
    kl_estimator: Estimator = "k3"
    kl_in: Literal["loss", "reward"] = "loss"
    rewards_at: Literal["turn", "end"] = "turn"
    """Where rewards of turns are paid: each at the end of its turn, or all at the row's end."""
    entropy_coef: float | Scheduled = 0.0
    """A bonus for entropy: a number, or {start, end, steps}."""
    max_engine_weight: float | None = None
    """Truncated importance weights between engine and learner; None: off."""
    truncated: Literal["keep", "mask"] = "keep"
    """mask: rows cut by length leave the batch once their rewards are in their group's baseline."""
    kl_coef_now: float = field(init=False, repr=False)
    """The coefficient of the current step."""
    entropy_coef_now: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if problems := self.problems():
            raise ConfigError(problems)
        coef, bonus = self.kl_coef, self.entropy_coef
        self.kl_coef_now = coef.start if isinstance(coef, (Scheduled, Adaptive)) else coef
        self.entropy_coef_now = bonus.start if isinstance(bonus, Scheduled) else bonus

    def problems(self) -> list[str]:
        """One line for each option that makes no sense."""
        choices = ("surrogate", "aggregation", "kl_estimator", "kl_in", "rewards_at", "truncated")
        found = [problem for name in choices for problem in check_choice(self, name)]
        found += check_number(self, "clip_low", low=0.0)
        found += check_number(self, "clip_high", low=0.0)
        found += check_number(self, "dual_clip", above=1.0)
        found += check_number(self, "length_norm", above=0.0)
        found += check_number(self, "max_engine_weight", above=0.0)
        if not isinstance(self.entropy_coef, Scheduled):
            found += check_number(self, "entropy_coef")
        if not isinstance(self.kl_coef, (Scheduled, Adaptive)):
            found += check_number(self, "kl_coef", low=0.0)
        name = type(self).__name__
        if self.length_norm is not None and self.aggregation != "seq-mean-token-sum":
            found.append(
                f"{name}.length_norm is {self.length_norm!r} but aggregation is "
                f"{self.aggregation!r}: set aggregation: seq-mean-token-sum, or drop length_norm"
            )
        if self.dual_clip is not None and self.surrogate == "cispo":
            found.append(
                f"{name}.dual_clip is {self.dual_clip!r} but surrogate is 'cispo', which has no "
                f"dual clip: drop dual_clip"
            )
        return found

    @property
    def needs_critic(self) -> bool:
        return False

    @property
    def needs_reference(self) -> bool:
        return self.kl_coef != 0.0

    @property
    def needs_group(self) -> bool:
        """Whether the baseline is the other members of the group; read by `config.check`."""
        return False

    @property
    def needs_every_row(self) -> bool:
        return self.needs_reference or self.entropy_coef != 0.0

    def advance(self, step: int, metrics: Metrics) -> None:
        """Move the coefficients: ``step`` steps are done, the last one with ``metrics``."""
        if isinstance(self.kl_coef, (Scheduled, Adaptive)):
            kl = metrics.get("policy/ref_kl")
            self.kl_coef_now = self.kl_coef.after(step, self.kl_coef_now, kl)
        if isinstance(self.entropy_coef, Scheduled):
            self.entropy_coef_now = self.entropy_coef.after(step, self.entropy_coef_now, None)

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint must hold."""
        return {"kl_coef_now": self.kl_coef_now, "entropy_coef_now": self.entropy_coef_now}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on where ``state_dict`` was taken."""
        self.kl_coef_now = state["kl_coef_now"]
        self.entropy_coef_now = state["entropy_coef_now"]

    def token_rewards(self, batch: Batch) -> Float[Tensor, "B T"]:
        """r_t, with ``kl_in: reward`` less kl_coef KL_t at every action token; 0 off the mask."""
        rewards = batch.rewards
        if self.rewards_at == "end":
            rewards = _at_end(rewards, batch.turn_ends)
        if self.needs_reference and self.kl_in == "reward":
            assert batch.ref_logprobs is not None, "annotate comes first"
            old = batch.logprobs if batch.old_logprobs is None else batch.old_logprobs
            kl = estimate_kl(old, batch.ref_logprobs, self.kl_estimator)
            rewards = rewards - self.kl_coef_now * kl
        return rewards.masked_fill(~batch.action_mask, 0.0)

    def estimated(
        self, batch: Batch, advantages: Float[Tensor, "B T"], returns: Float[Tensor, "B T"]
    ) -> Batch:
        """The batch with its estimates; ``truncated: mask`` leaves cut rows out of it."""
        batch = batch.with_(advantages=advantages, returns=returns)
        if self.truncated == "keep" or not batch.truncated.any():
            return batch
        kept = batch.select(~batch.truncated)
        return kept.with_(num_actions=int(kept.action_mask.sum()), num_rows=kept.size)

    def weights(self, batch: Batch) -> Float[Tensor, "B T"]:
        """The weight of each token in the loss; the rows of one episode share an episode's."""
        weights = token_weights(
            batch.action_mask,
            self.aggregation,
            batch.num_actions,
            batch.num_rows,
            self.length_norm,
        )
        return weights if batch.row_weight is None else weights * batch.row_weight.unsqueeze(1)

    def loss(
        self,
        logprobs: Float[Tensor, "B T"],
        entropy: Float[Tensor, "B T"],
        values: Float[Tensor, "B T"] | None,
        batch: Batch,
    ) -> tuple[Float[Tensor, ""], Metrics]:
        """See `guerdon.types.Algorithm.loss`."""
        mask, weights = batch.action_mask, self.weights(batch)
        logprobs, entropy = torch.where(mask, logprobs, 0.0), torch.where(mask, entropy, 0.0)
        old = logprobs.detach() if batch.old_logprobs is None else batch.old_logprobs
        surrogate, clipped, log_rho = self._surrogate(logprobs, old, batch)
        means: dict[str, Tensor] = {
            "policy/clip_frac": clipped,
            "policy/ratio_mean": log_rho.exp(),
            "policy/kl": log_rho.expm1() - log_rho,
            "policy/entropy": entropy,
        }
        if self.max_engine_weight is not None:
            trust = engine_weights(old, batch.logprobs, mask, self.max_engine_weight)
            surrogate, means["policy/engine_weight"] = surrogate * trust, trust
        sums: dict[str, Tensor] = {"loss/policy": (weights * surrogate).sum()}
        loss = sums["loss/policy"]
        if self.entropy_coef != 0.0:
            loss = loss - self.entropy_coef_now * (weights * entropy).sum()
        if self.needs_reference:
            assert batch.ref_logprobs is not None, "annotate comes first"
            ref = torch.where(mask, batch.ref_logprobs, 0.0)
            means["policy/ref_kl"] = kl = estimate_kl(logprobs, ref, self.kl_estimator)
            if self.kl_in == "loss":
                sums["loss/kl"] = self.kl_coef_now * (weights * kl).sum()
                loss = loss + sums["loss/kl"]
        return loss, numbers(sums | mean_sums(means, batch))

    def _surrogate(
        self, logprobs: Float[Tensor, "B T"], old: Float[Tensor, "B T"], batch: Batch
    ) -> tuple[Float[Tensor, "B T"], Bool[Tensor, "B T"], Float[Tensor, "B T"]]:
        """(loss, where it was clipped, log of the ratio of each token)."""
        assert batch.advantages is not None, "estimate comes first"
        advantages = batch.advantages.masked_fill(~batch.action_mask, 0.0)
        log_rho = log_ratio(logprobs, old, batch.action_mask)
        clip = (self.clip_low, self.clip_high)
        if self.surrogate == "cispo":
            loss, clipped = cispo(log_rho.exp(), logprobs, advantages, *clip)
        else:
            whole = self.surrogate == "gspo"
            used = sequence_log_ratio(log_rho, batch.action_mask) if whole else log_rho
            loss, clipped = clipped_surrogate(used.exp(), advantages, *clip, self.dual_clip)
        return loss, clipped, log_rho


def _at_end(rewards: Float[Tensor, "B T"], turn_ends: Bool[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """The sum of a row's rewards at the end of its last turn."""
    last = turn_ends & (turn_ends.long().flip(1).cumsum(1).flip(1) == 1)
    return rewards.masked_fill(~turn_ends, 0.0).sum(dim=1, keepdim=True) * last


def mean_sums(values: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    """Sums over the action tokens here, divided by those of the whole optimizer step."""
    mask, count = batch.action_mask, max(batch.num_actions, 1)
    return {k: torch.where(mask, v.float(), 0.0).sum() / count for k, v in values.items()}


def numbers(scalars: dict[str, Tensor]) -> Metrics:
    """Scalar tensors as numbers, in one transfer from the device."""
    found = torch.stack([value.detach().float() for value in scalars.values()]).tolist()
    return dict(zip(scalars, found, strict=True))
