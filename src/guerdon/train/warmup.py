"""Supervised learning on conversations before RL: the form of an answer, before its worth."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from guerdon import hf
from guerdon.algorithms.imitation import Imitation
from guerdon.backends.local import WARM
from guerdon.batch import Batch
from guerdon.learner.checkpoint import write_atomically
from guerdon.learner.learner import Learner
from guerdon.train.conversations import load, shuffled, to_trajectory
from guerdon.train.display import Display
from guerdon.train.step import Training
from guerdon.types import Metrics, derive_seed


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
    talks = load(settings.source, "warmup.source")
    rows = [to_trajectory(run.template, talk) for talk in talks]
    seed = derive_seed(run.config.run.seed, "warmup")
    order = shuffled(len(rows), settings.steps * settings.batch_size, seed)
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
        write_atomically(run.store.folder / WARM, partial(hf.save_model, models.policy))
    return {
        "warmup/loss_first": losses[0],
        "warmup/loss_last": losses[-1],
        "time/warmup_s": time.perf_counter() - started,
    }
