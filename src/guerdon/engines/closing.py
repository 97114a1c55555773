"""Close what models have opened, before the event loop they opened it in is gone."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from guerdon.types import Models

T = TypeVar("T")


async def then_close(work: Awaitable[T], models: Models) -> T:
    """The result of ``work``; however it ends, connections and servers of the models are closed.

    A model that is asked again opens them again.
    """
    try:
        return await work
    finally:
        for model in models.values():
            if callable(close := getattr(model.engine, "close", None)):
                await close()
