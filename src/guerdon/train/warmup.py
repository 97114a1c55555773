"""Supervised learning on conversations before RL: the form of an answer, before its worth."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace

from guerdon.algorithms.imitation import Imitation
from guerdon.backends.local import WARM
from guerdon.batch import Batch
from guerdon.config.build import build
from guerdon.errors import ConfigError
from guerdon.learner.checkpoint import write_atomically
from guerdon.learner.learner import Learner
from guerdon.templates import ChatTemplate
from guerdon.train.display import Display
from guerdon.train.step import Training
from guerdon.types import Message, Metrics, Reward, Trajectory, Turn, derive_seed

Conversation = Sequence[Message]


def imitate(run: Training, display: Display) -> Metrics:
    """Fit the policy to the assistant's words in the conversations of ``warmup.source``.

    A learner of its own, with a fresh optimizer at a constant ``warmup.lr``; RL starts with
    another. Conversations come in an order that derives from the run's seed. What a KL penalty
    refers to from now on is the warm policy.

    Returns:
        The first and the last loss, in nats per token.
    """
    settings, models = run.config.warmup, run.learner.models
    assert settings is not None
    started = time.perf_counter()
    talks = build(settings.source, "warmup.source").load()
    rows = [to_trajectory(run.template, talk) for talk in talks]
    seed = derive_seed(run.config.run.seed, "warmup")
    order = _order(len(rows), settings.steps * settings.batch_size, seed)
    own = replace(
        run.config.learner,
        lr=settings.lr,
        schedule="constant",
        warmup_steps=0,
        epochs=1,
        minibatches=1,
    )
    tutor = Learner(models, Imitation(), own, total_steps=settings.steps)
    losses = []
    for at in range(0, len(order), settings.batch_size):
        batch = Batch.from_trajectories([rows[i] for i in order[at : at + settings.batch_size]])
        losses.append(tutor.update(tutor.algorithm.estimate(batch))["loss/imitation"])
        display.warmup(len(losses), settings.steps, losses[-1])
    if models.reference is not None:
        models.reference.load_state_dict(models.policy.state_dict())
        write_atomically(run.store.folder / WARM, models.policy.save_pretrained)
    return {
        "warmup/loss_first": losses[0],
        "warmup/loss_last": losses[-1],
        "time/warmup_s": time.perf_counter() - started,
    }


def to_trajectory(template: ChatTemplate, conversation: Conversation) -> Trajectory:
    """A conversation as the row it would be, had the policy said the assistant's part."""
    token_ids: list[int] = []
    turns: list[Turn] = []
    heard: list[Message] = []
    for message in conversation:
        if message["role"] != "assistant":
            heard.append(message)
            continue
        token_ids += template.extend(heard, closed=True) if turns else template.start(heard)
        reply = template.encode_reply(message["content"])
        span = (len(token_ids), len(token_ids) + len(reply))
        turns.append(Turn(tuple(heard), message, span))
        token_ids += reply
        heard = []
    if not turns:
        raise ConfigError("warmup.source: a conversation has no assistant message to learn from")
    sampled = {i for turn in turns for i in range(*turn.span)}
    return Trajectory(
        role="policy",
        group="",
        turns=tuple(turns),
        token_ids=tuple(token_ids),
        action_mask=tuple(i in sampled for i in range(len(token_ids))),
        logprobs=(0.0,) * len(token_ids),
        reward=Reward(0.0),
    )


def _order(num_rows: int, num_draws: int, seed: int) -> list[int]:
    """Indices of ``num_draws`` rows: all of them once, in random order, before any comes again."""
    draw = random.Random(seed)
    order: list[int] = []
    while len(order) < num_draws:
        order += draw.sample(range(num_rows), num_rows)
    return order[:num_draws]
