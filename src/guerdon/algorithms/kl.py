"""KL divergence from the reference policy: estimators, and coefficients that move."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from guerdon.algorithms.losses import MAX_LOG_RATIO
from guerdon.algorithms.options import check_number
from guerdon.errors import ConfigError

Estimator = Literal["k1", "k2", "k3"]


def estimate_kl(
    logprobs: Float[Tensor, "B T"], ref_logprobs: Float[Tensor, "B T"], estimator: Estimator
) -> Float[Tensor, "B T"]:
    """KL(pi || pi_ref) at each token from the one action that was sampled; d = log pi - log pi_ref.

    k1 = d                   unbiased, may be negative; as a loss its expected gradient is 0
    k2 = d^2 / 2             biased; its gradient is that of the KL
    k3 = exp(-d) - 1 + d     unbiased, never negative

    Source: Schulman 2020, "Approximating KL divergence" (joschu.net/blog/kl-approx.html).
    """
    difference = (logprobs - ref_logprobs).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if estimator == "k1":
        return difference
    if estimator == "k2":
        return difference.square() / 2
    return (-difference).expm1() + difference


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A coefficient that moves from ``start`` to ``end`` in a straight line over ``steps`` steps,
    then stays."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        problems = check_number(self, "start", low=0.0) + check_number(self, "end", low=0.0)
        if problems := problems + check_number(self, "steps", low=1.0):
            raise ConfigError(problems)

    def after(self, step: int, coef: float, kl: float | None) -> float:
        """The coefficient when ``step`` steps are done."""
        return self.start + (self.end - self.start) * min(step / self.steps, 1.0)


@dataclass(frozen=True, kw_only=True)
class Adaptive:
    """A coefficient that keeps the KL per token near ``target``.

    e = clip(KL / target - 1, -0.2, 0.2);  coef <- coef (1 + gain e), once a step.

    Source: Ziegler et al. 2019 (arXiv:1909.08593), section 2.2; there KL is per sequence.
    """

    start: float
    target: float
    gain: float = 0.1

    def __post_init__(self) -> None:
        problems = check_number(self, "start", above=0.0) + check_number(self, "target", above=0.0)
        if problems := problems + check_number(self, "gain", above=0.0, high=1.0):
            raise ConfigError(problems)

    def after(self, step: int, coef: float, kl: float | None) -> float:
        """The coefficient after a step whose mean KL was ``kl``; None (no update): unchanged."""
        if kl is None:
            return coef
        error = min(max(kl / self.target - 1.0, -0.2), 0.2)
        return coef * (1.0 + self.gain * error)
