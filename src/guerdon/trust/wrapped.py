"""Models whose engine is watched or varied: copies, so that the originals stay as they are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from guerdon.types import Model, Sampling

CALLS: ContextVar[list[int]] = ContextVar("calls")
"""How often models were asked: set it to ``[0]`` in a task, and calls made there are added."""


def counted(model: Model) -> Model:
    """The same model; being asked is counted in `CALLS`."""

    def count(method: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **keywords: Any) -> Any:
            calls = CALLS.get(None)
            if calls is not None:
                calls[0] += 1
            return method(*arguments, **keywords)

        return counting

    return _wrapped(model, "generate", "complete", "score", by=count)


def reseeded(model: Model, *key: object) -> Model:
    """The same model with other seeds, whatever seeds the caller sets."""

    def reseed(method: Callable[..., Any]) -> Callable[..., Any]:
        def generate(prompt: Any, sampling: Sampling, **keywords: Any) -> Any:
            return method(prompt, sampling.at(*key), **keywords)

        return generate

    return _wrapped(model, "generate", "complete", by=reseed)


def _wrapped(
    model: Model, *names: str, by: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Model:
    engine = copy.copy(model.engine)  # capabilities are looked up on the engine: it stays its class
    for name in names:
        if hasattr(engine, name):
            # the original's: what it starts or keeps for all its calls is there once
            vars(engine)[name] = by(getattr(model.engine, name))
    return replace(model, engine=engine)
