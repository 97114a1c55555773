"""How much replies say about their prompts: a policy can stay varied and yet not listen.

Replies of N different groups are scored under each other's prompts. Where a reply is as likely
under any prompt, the policy has fallen into a template, which entropy does not show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from guerdon.batch import Batch
from guerdon.learner.learner import Learner
from guerdon.types import Metrics, Reward, Trajectory, Turn

_MAX_GROUPS = 16
"""N: the cost is N^2 short rows."""


def of_rows(learner: Learner, rows: Sequence[Trajectory]) -> Metrics:
    """Estimates over the first turns of one row of each group, in nats per reply.

        I(X; Z) = mean_j [ log p(z_j|x_j) - log 1/N sum_i p(z_j|x_i) ],  at most log N

    Returns:
        {} with fewer than two groups. Else ``information/mi``, ``information/entropy`` H(Z|X), and
        ``information/retrieval``: how often a reply is likeliest under its own prompt (1 / N by
        chance).

    Source: Wang et al. 2026 (RAGEN-2, arXiv:2604.06268).
    """
    firsts: dict[str, Trajectory] = {}
    for row in rows:
        if row.turns[0].span[1] > row.turns[0].span[0]:
            firsts.setdefault(row.group, row)
    chosen = list(firsts.values())[:_MAX_GROUPS]
    if len(chosen) < 2:
        return {}
    pairs = [_pair(prompt, reply, i) for i, prompt in enumerate(chosen) for reply in chosen]
    scores = learner.score(Batch.from_trajectories(pairs)).sum(dim=1)
    return estimate(scores.view(len(chosen), len(chosen)).double().cpu())


def _pair(prompt: Trajectory, reply: Trajectory, group: int) -> Trajectory:
    """The first reply of one row after the first prompt of another."""
    start, end = reply.turns[0].span
    head, tail = prompt.token_ids[: prompt.turns[0].span[0]], reply.token_ids[start:end]
    turn = Turn((), reply.turns[0].action, (len(head), len(head) + len(tail)))
    return replace(
        prompt,
        group=str(group),
        turns=(turn,),
        token_ids=head + tail,
        action_mask=(False,) * len(head) + (True,) * len(tail),
        logprobs=(0.0,) * (len(head) + len(tail)),
        reward=Reward(0.0),
    )


def estimate(scores: Float[Tensor, "N N"]) -> Metrics:
    """The three numbers from log p(z_j|x_i) at [i, j]."""
    matched = scores.diagonal()
    marginal = scores.logsumexp(dim=0) - math.log(len(scores))
    own = scores.argmax(dim=0) == torch.arange(len(scores))
    return {
        "information/mi": (matched - marginal).mean().item(),
        "information/entropy": -matched.mean().item(),
        "information/retrieval": own.double().mean().item(),
    }
