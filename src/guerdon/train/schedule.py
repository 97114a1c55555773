"""Numbers that move over the steps of a run."""

from __future__ import annotations

import math
from dataclasses import replace

from guerdon.config.schema import Schedule
from guerdon.types import Models


def value_at(schedule: Schedule, step: int) -> float:
    """The value at ``step``: start at step 1, end from step ``schedule.steps`` on."""
    done = min(1.0, max(0.0, (step - 1) / max(1, schedule.steps - 1)))
    if schedule.shape == "cosine":
        done = (1 - math.cos(math.pi * done)) / 2
    return schedule.start + (schedule.end - schedule.start) * done


def at_step(models: Models, temperature: Schedule | None, step: int) -> Models:
    """The models with the policy's sampling temperature of ``step``."""
    if temperature is None:
        return models
    policy = models["policy"]
    sampling = replace(policy.sampling, temperature=value_at(temperature, step))
    return {**models, "policy": replace(policy, sampling=sampling)}
