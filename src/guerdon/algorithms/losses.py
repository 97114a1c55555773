"""Losses per token: functions of tensors, to be weighted by `aggregation.token_weights`.

Everywhere: rho_t = pi(a_t|s_t) / pi_old(a_t|s_t) and A_t the advantage. What lies off the action
mask is zeroed before anything is computed from it, so it can reach neither a loss nor a gradient.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

MAX_LOG_RATIO = 20.0
"""exp() of more says nothing and may overflow."""


def log_ratio(
    logprobs: Float[Tensor, "B T"],
    old_logprobs: Float[Tensor, "B T"],
    action_mask: Bool[Tensor, "B T"],
) -> Float[Tensor, "B T"]:
    """log rho_t, within +-20; 0 off the mask."""
    difference = torch.where(action_mask, logprobs, 0.0) - torch.where(
        action_mask, old_logprobs, 0.0
    )
    return difference.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def sequence_log_ratio(
    log_ratio: Float[Tensor, "B T"], action_mask: Bool[Tensor, "B T"]
) -> Float[Tensor, "B T"]:
    """log s_i = mean of log rho_t over the action tokens of row i, at each of them.

    The gradient at token t is that of log rho_t, so with one advantage per row the row's mean has
    the gradient of s_i A_i, and advantages that differ by token keep their tokens.

    Source: GSPO (arXiv:2507.18071), eq. 7, in its token form, eq. 14.
    """
    count = action_mask.sum(dim=1, keepdim=True).clamp(min=1)
    mean = log_ratio.detach().sum(dim=1, keepdim=True) / count
    return torch.where(action_mask, mean + log_ratio - log_ratio.detach(), 0.0)


def clipped_surrogate(
    ratio: Float[Tensor, "B T"],
    advantages: Float[Tensor, "B T"],
    clip_low: float,
    clip_high: float,
    dual_clip: float | None = None,
) -> tuple[Float[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """-min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A); with ``dual_clip`` = c at most -c A
    where A < 0.

    Returns:
        The loss, and where clipping took the gradient away.

    Source: PPO (arXiv:1707.06347), eq. 7; asymmetric: DAPO (arXiv:2503.14476), eq. 10; dual clip:
    Ye et al. 2020 (arXiv:1912.09729), eq. 5.
    """
    plain = -ratio * advantages
    bounded = -ratio.clamp(1 - clip_low, 1 + clip_high) * advantages
    loss = torch.maximum(plain, bounded)
    clipped = bounded > plain
    if dual_clip is not None:
        ceiling = -dual_clip * advantages
        beyond = (advantages < 0) & (loss > ceiling)
        loss, clipped = torch.where(beyond, ceiling, loss), clipped | beyond
    return loss, clipped


def cispo(
    ratio: Float[Tensor, "B T"],
    logprobs: Float[Tensor, "B T"],
    advantages: Float[Tensor, "B T"],
    clip_low: float,
    clip_high: float,
) -> tuple[Float[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """-sg(clip(rho, 1 - clip_low, 1 + clip_high)) A log pi: a clipped weight, and no token without
    a gradient.

    Returns:
        The loss, and where the weight was clipped.

    Source: MiniMax-M1 (arXiv:2506.13585), eq. 4 and 5.
    """
    weight = ratio.detach().clamp(1 - clip_low, 1 + clip_high)
    return -weight * advantages * logprobs, weight != ratio.detach()


def engine_weights(
    old_logprobs: Float[Tensor, "B T"],
    engine_logprobs: Float[Tensor, "B T"],
    action_mask: Bool[Tensor, "B T"],
    max_weight: float,
) -> Float[Tensor, "B T"]:
    """min(pi_old(a_t|s_t) / mu(a_t|s_t), max_weight): corrects for an engine that sampled from mu,
    not quite pi_old. No gradient; 1 off the mask.

    Source: truncated importance sampling, Ionides 2008; between engine and learner: Yao et al.
    2025, "Your efficient RL framework secretly brings you off-policy RL training".
    """
    return (
        log_ratio(old_logprobs.detach(), engine_logprobs, action_mask).exp().clamp(max=max_weight)
    )


def value_loss(
    values: Float[Tensor, "B T"],
    old_values: Float[Tensor, "B T"],
    returns: Float[Tensor, "B T"],
    value_clip: float | None = None,
) -> tuple[Float[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """1/2 max((V - G)^2, (clip(V, V_old - c, V_old + c) - G)^2), c = value_clip; None: no clip.

    Returns:
        The loss, and where clipping took the gradient away.

    Source: the PPO reference implementation (openai/baselines, ppo2); the factor is conventional.
    """
    plain = (values - returns).square()
    if value_clip is None:
        return plain / 2, torch.zeros_like(plain, dtype=torch.bool)
    near = old_values + (values - old_values).clamp(-value_clip, value_clip)
    bounded = (near - returns).square()
    return torch.maximum(plain, bounded) / 2, bounded > plain
