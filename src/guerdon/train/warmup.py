"""Supervised learning on conversations before RL: the form of an answer, before its worth."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from guerdon.algorithms.imitation import Imitation
from guerdon.batch import Batch
from guerdon.config.build import build
from guerdon.config.schema import Warmup
from guerdon.learner.learner import Learner
from guerdon.templates import ChatTemplate
from guerdon.train.display import Display
from guerdon.types import Message, Metrics, Reward, Trajectory, Turn, derive_seed

Conversation = Sequence[Message]


def imitate(
    learner: Learner, template: ChatTemplate, settings: Warmup, seed: int, display: Display
) -> Metrics:
    """Fit the policy to the assistant's words in ``settings.source``.

    The optimizer is the learner's own kind but a fresh one, at a constant ``settings.lr``; RL
    starts with another. Conversations are drawn in an order that derives from ``seed``.

    Returns:
        The first and the last loss, in nats per token.
    """
    started = time.perf_counter()
    rows = [to_trajectory(template, conversation) for conversation in build(settings.source).load()]
    order = _order(len(rows), settings.steps * settings.batch_size, derive_seed(seed, "warmup"))
    batches = [
        Batch.from_trajectories([rows[i] for i in order[at : at + settings.batch_size]])
        for at in range(0, len(order), settings.batch_size)
    ]
    losses = []
    for batch in learner.fit(batches, Imitation(), lr=settings.lr):
        losses.append(batch["loss/policy"])
        display.warmup(len(losses), settings.steps, losses[-1])
    return {
        "warmup/loss_first": losses[0],
        "warmup/loss_last": losses[-1],
        "time/warmup_s": time.perf_counter() - started,
    }


def to_trajectory(template: ChatTemplate, conversation: Conversation) -> Trajectory:
    """A conversation as the row it would have been, had the policy said the assistant's part."""
    ...


def _order(num_rows: int, num_draws: int, seed: int) -> list[int]:
    """Indices of ``num_draws`` rows: all of them once, in random order, before any comes again."""
    draw = random.Random(seed)
    order: list[int] = []
    while len(order) < num_draws:
        order += draw.sample(range(num_rows), num_rows)
    return order[:num_draws]
