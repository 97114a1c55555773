"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

from guerdon.config.schema import Learner as Settings


def lr_factor(step: int, total_steps: int, settings: Settings) -> float:
    """What multiplies ``settings.lr`` at a step: a linear rise, then constant or a decay.

    The rise gives (step + 1) / (warmup_steps + 1), so that no step is wasted at 0. The decay
    starts at 1 right after it and reaches ``min_lr_frac`` at the last step.

    Args:
        step: counted from 0.
        total_steps: steps of the whole run; later ones stay at ``min_lr_frac``.
    """
    if step < settings.warmup_steps:
        return (step + 1) / (settings.warmup_steps + 1)
    if settings.schedule == "constant":
        return 1.0
    decay_steps = max(1, total_steps - 1 - settings.warmup_steps)
    progress = min(1.0, (step - settings.warmup_steps) / decay_steps)
    remaining = 1 - progress
    if settings.schedule == "cosine":
        remaining = (1 + math.cos(math.pi * progress)) / 2
    return settings.min_lr_frac + (1 - settings.min_lr_frac) * remaining
