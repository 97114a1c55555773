"""What each action was worth: returns, GAE and baselines. Functions of tensors, nothing else.

Three views of a row: its tokens [B, T]; its turns [B, K], K the most turns of any row; the whole
trajectory, [B, 1]. Group baselines compare columns: turn k with turn k of the other members.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Norm = Literal["none", "std", "unbiased_std", "batch_std"]

# --- along a row ---------------------------------------------------------------------------------


def discounted_sum(
    x: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"], discount: Float[Tensor, "B T"]
) -> Float[Tensor, "B T"]:
    """S_t = x_t + discount_t S_{t+1}, over the masked entries.

    t+1 is the next masked entry; S after the last one is 0. Zero off the mask.
    """
    order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)  # masked entries first, in order
    order = order[:, : int(mask.sum(dim=1).max())]
    packed = (y.gather(1, order).t().contiguous() for y in (x, discount, mask))
    columns = zip(*packed, strict=True)
    total, sums = x.new_zeros(x.shape[0]), []
    for x_t, discount_t, inside in reversed(list(columns)):
        total = torch.where(inside, x_t + discount_t * total, 0.0)
        sums.append(total)
    if not sums:
        return torch.zeros_like(x)
    return torch.zeros_like(x).scatter(1, order, torch.stack(sums[::-1]).t())


def next_masked(x: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """x at the next masked entry after t; 0 where there is none."""
    width = x.shape[1]
    at = torch.arange(width, device=x.device).expand_as(mask).masked_fill(~mask, width)
    first = at.flip(1).cummin(dim=1).values.flip(1)  # first masked entry at or after t
    after = torch.nn.functional.pad(first[:, 1:], (0, 1), value=width)
    return torch.nn.functional.pad(x, (0, 1)).gather(1, after)


def gae(
    rewards: Float[Tensor, "B T"],
    values: Float[Tensor, "B T"],
    action_mask: Bool[Tensor, "B T"],
    gamma: float,
    lam: float,
    step_ends: Bool[Tensor, "B T"] | None = None,
) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
    """delta_t = r_t + gamma V_{t+1} - V_t;  A_t = delta_t + gamma lam A_{t+1}, over action tokens.

    Observation tokens are not steps: t+1 is the next *action* token, V after the last one is 0.

    Args:
        step_ends: where time passes. None: at every action token. ``turn_ends``: gamma and lam
            count turns and are 1 inside a turn.

    Returns:
        (advantages, returns), zero off the mask; returns = advantages + values.

    Source: Schulman et al. 2016 (arXiv:1506.02438), eq. 16.
    """
    values = values.masked_fill(~action_mask, 0.0)
    gammas = _discount(gamma, rewards, step_ends)
    lams = _discount(lam, rewards, step_ends)
    delta = rewards + gammas * next_masked(values, action_mask) - values
    advantages = discounted_sum(delta, action_mask, gammas * lams)
    return advantages, advantages + values


def bilevel_gae(
    rewards: Float[Tensor, "B T"],
    values: Float[Tensor, "B T"],
    action_mask: Bool[Tensor, "B T"],
    turn_ends: Bool[Tensor, "B T"],
    gamma: float,
    lam: float,
    turn_gamma: float,
) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
    """GAE over turns, then over the tokens of each turn, whose end is paid what the turn was worth.

    Over the ends e_k of turns: D_k = r_k + turn_gamma V_{k+1} - V_k + turn_gamma lam D_{k+1}, where
    r_k and V_k are those of the token e_k.
    Inside a turn, with r(e_k) replaced by D_k + V(e_k) and nothing after e_k: GAE with gamma, lam.

    Turns are where ``turn_ends`` says, whatever they were paid. With one turn this is `gae`.

    Returns:
        (advantages, returns), zero off the mask; returns = advantages + values.

    Source: Wang et al. 2025 (VAGEN, arXiv:2510.16907), section 3.3.
    """
    values = values.masked_fill(~action_mask, 0.0)
    delta = rewards + turn_gamma * next_masked(values, turn_ends) - values
    worth = discounted_sum(delta, turn_ends, torch.full_like(rewards, turn_gamma * lam)) + values
    paid = torch.where(turn_ends, worth, rewards)
    gammas = torch.full_like(rewards, gamma).masked_fill(turn_ends, 0.0)
    delta = paid + gammas * next_masked(values, action_mask) - values
    advantages = discounted_sum(delta, action_mask, gammas * lam)
    return advantages, advantages + values


def turn_gae(
    rewards: Float[Tensor, "B T"],
    values: Float[Tensor, "B T"],
    action_mask: Bool[Tensor, "B T"],
    turn_ends: Bool[Tensor, "B T"],
    gamma: float,
    lam: float,
) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
    """GAE in which a whole turn is one action: V_k is the value before its first token, r_k the sum
    of its rewards.

    Returns:
        (advantages, returns): every token of a turn has the turn's; returns = A_k + V_k.
    """
    exists = turns_exist(turn_ends)
    value = turn_starts(values, action_mask, turn_ends)
    reward = turn_sums(rewards, action_mask, turn_ends)
    advantages, returns = gae(reward, value, exists, gamma, lam)
    return to_tokens(advantages, action_mask, turn_ends), to_tokens(returns, action_mask, turn_ends)


def returns_to_go(
    rewards: Float[Tensor, "B T"],
    action_mask: Bool[Tensor, "B T"],
    gamma: float,
    step_ends: Bool[Tensor, "B T"] | None = None,
) -> Float[Tensor, "B T"]:
    """G_t = r_t + gamma G_{t+1}, over action tokens: GAE with V = 0 and lam = 1.

    Args:
        step_ends: as in `gae`.
    """
    return discounted_sum(rewards, action_mask, _discount(gamma, rewards, step_ends))


def _discount(
    factor: float, like: Float[Tensor, "B T"], step_ends: Bool[Tensor, "B T"] | None
) -> Float[Tensor, "B T"]:
    if step_ends is None:
        return torch.full_like(like, factor)
    return torch.ones_like(like).masked_fill(step_ends, factor)


# --- tokens and turns ----------------------------------------------------------------------------


def turn_index(turn_ends: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """The turn each token belongs to, from 0: how many turns ended before it."""
    ends = turn_ends.long()
    index = ends.cumsum(dim=1) - ends
    return index.clamp(max=_num_turns(turn_ends) - 1)  # tokens after the last turn are off the mask


def turns_exist(turn_ends: Bool[Tensor, "B T"]) -> Bool[Tensor, "B K"]:
    """True at [b, k] where row b has a turn k."""
    turns = torch.arange(_num_turns(turn_ends), device=turn_ends.device)
    return turns < turn_ends.sum(dim=1, keepdim=True)


def turn_sums(
    x: Float[Tensor, "B T"], action_mask: Bool[Tensor, "B T"], turn_ends: Bool[Tensor, "B T"]
) -> Float[Tensor, "B K"]:
    """The sum of x over the action tokens of each turn."""
    sums = x.new_zeros(x.shape[0], _num_turns(turn_ends))
    return sums.scatter_add(1, turn_index(turn_ends), x.masked_fill(~action_mask, 0.0))


def turn_starts(
    x: Float[Tensor, "B T"], action_mask: Bool[Tensor, "B T"], turn_ends: Bool[Tensor, "B T"]
) -> Float[Tensor, "B K"]:
    """x at the first action token of each turn; 0 where there is no such turn."""
    rows, width = x.shape
    at = (
        torch.arange(width, device=x.device).expand_as(action_mask).masked_fill(~action_mask, width)
    )
    first = at.new_full((rows, _num_turns(turn_ends)), width)
    first = first.scatter_reduce(1, turn_index(turn_ends), at, "amin")
    return torch.nn.functional.pad(x, (0, 1)).gather(1, first)


def to_tokens(
    x: Float[Tensor, "B K"], action_mask: Bool[Tensor, "B T"], turn_ends: Bool[Tensor, "B T"]
) -> Float[Tensor, "B T"]:
    """Each turn's x at every action token of that turn, 0 elsewhere."""
    return x.gather(1, turn_index(turn_ends)).masked_fill(~action_mask, 0.0)


def _num_turns(turn_ends: Bool[Tensor, "B T"]) -> int:
    return max(int(turn_ends.sum(dim=1).max()), 1)


# --- across the rows of a group ------------------------------------------------------------------


def group_count(exists: Bool[Tensor, "B K"], group: Int[Tensor, " B"]) -> Int[Tensor, "B K"]:
    """How many members of its group each entry is compared with, itself included."""
    return _group_sum(exists.long(), group)


def group_center(
    x: Float[Tensor, "B K"], exists: Bool[Tensor, "B K"], group: Int[Tensor, " B"]
) -> Float[Tensor, "B K"]:
    """x minus the mean of its group, column by column; 0 where fewer than two members exist.

    Exactly 0 in a group of equal values, whatever their rounding: rows without signal are found by
    this zero.
    """
    rows = _rows(x, group)
    lowest = x.new_full((int(rows.max()) + 1, x.shape[1]), torch.inf)
    lowest = lowest.scatter_reduce(0, rows, x.masked_fill(~exists, torch.inf), "amin")
    above = (x - lowest.gather(0, rows)).masked_fill(~exists, 0.0)
    count = group_count(exists, group)
    centered = above - _group_sum(above, group) / count.clamp(min=1)
    return centered.masked_fill(~exists | (count < 2), 0.0)


def group_relative(
    x: Float[Tensor, "B K"],
    exists: Bool[Tensor, "B K"],
    group: Int[Tensor, " B"],
    norm: Norm = "none",
    eps: float = 1e-6,
) -> Float[Tensor, "B K"]:
    """A_i = (x_i - mean(x)) / (std(x) + eps), over the members of i's group, column by column.

    Fewer than two members have no baseline: A = 0.

    Args:
        norm: "none": no division. "std": over the n members, divided by n. "unbiased_std": by
            n - 1. "batch_std": the root mean square of x - mean(x) over all groups and columns.

    Source: Shao et al. 2024 (arXiv:2402.03300), section 4.1.2; without the division Liu et al. 2025
    (arXiv:2503.20783), eq. 3.
    """
    centered = group_center(x, exists, group)
    if norm == "none":
        return centered
    if norm == "batch_std":
        compared = exists & (group_count(exists, group) >= 2)
        std = (centered.square().sum() / compared.sum().clamp(min=1)).sqrt()
    else:
        count = group_count(exists, group) - int(norm == "unbiased_std")
        std = (_group_sum(centered.square(), group) / count.clamp(min=1)).sqrt()
    return centered / (std + eps)


def leave_one_out(
    x: Float[Tensor, "B K"], exists: Bool[Tensor, "B K"], group: Int[Tensor, " B"]
) -> Float[Tensor, "B K"]:
    """A_i = x_i - mean of the other members = n / (n - 1) (x_i - mean(x)), column by column.

    Source: Ahmadian et al. 2024 (arXiv:2402.14740), eq. 7.
    """
    count = group_count(exists, group)
    return group_center(x, exists, group) * count / (count - 1).clamp(min=1)


def _rows(x: Tensor, group: Int[Tensor, " B"]) -> Int[Tensor, "B K"]:
    """Number of each entry's group, 0 to the number of groups - 1."""
    index: Tensor = torch.unique(group, return_inverse=True)[1]
    return index.unsqueeze(1).expand(x.shape)


def _group_sum(x: Tensor, group: Int[Tensor, " B"]) -> Tensor:
    """The sum over the members of its group, for each entry of [B, K]."""
    rows = _rows(x, group)
    sums = x.new_zeros(int(rows.max()) + 1, x.shape[1])
    return sums.scatter_add(0, rows, x).gather(0, rows)


# --- across the whole step -----------------------------------------------------------------------


def whiten(
    x: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"], *, center: bool = True, eps: float = 1e-8
) -> Float[Tensor, "B T"]:
    """(x - mean) / sqrt(var + eps), both over the n masked entries of the step, var over n - 1.

    Args:
        center: False: only divide.
    """
    count = mask.sum()
    above = (x - x.masked_fill(~mask, torch.inf).amin()).masked_fill(~mask, 0.0)  # equal x: exact 0
    centered = (above - above.sum() / count.clamp(min=1)).masked_fill(~mask, 0.0)
    std = (centered.square().sum() / (count - 1).clamp(min=1) + eps).sqrt()
    return (centered if center else x.masked_fill(~mask, 0.0)) / std
