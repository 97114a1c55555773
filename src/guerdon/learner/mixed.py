"""Rows of another loss that join a step's updates: loss + coef * loss of these rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from guerdon.batch import Batch
from guerdon.types import Algorithm


@dataclass(frozen=True)
class Mixed:
    """The rows for all optimizer steps of one update, an equal share for each."""

    batch: Batch
    algorithm: Algorithm
    """Gives their loss; needs no critic and no reference."""
    coef: float

    def split(self, parts: int) -> Iterator[Mixed]:
        """One share for each of ``parts`` optimizer steps; its loss counts only its own rows."""
        for batch in self.batch.split(torch.arange(self.batch.size), parts):
            yield replace(self, batch=batch)
