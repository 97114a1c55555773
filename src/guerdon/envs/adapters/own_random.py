"""A private copy of the global random generators, for code that draws from the global ones."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_LOCK = threading.RLock()
"""The global generators are lent to one game at a time."""


class OwnRandom:
    """Within ``lent()``, ``random`` and ``numpy.random`` draw from this object's own state; after
    it they are as they were before."""

    def __init__(self, seed: int) -> None:
        legacy = np.random.RandomState(seed % 2**32)
        self._state: tuple[Any, Any] = (random.Random(seed).getstate(), legacy.get_state())

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Swap the states in, and out again."""
        with _LOCK:
            before = (random.getstate(), np.random.get_state())
            self._set(self._state)
            try:
                yield
            finally:
                self._state = (random.getstate(), np.random.get_state())
                self._set(before)

    @staticmethod
    def _set(state: tuple[Any, Any]) -> None:
        random.setstate(state[0])
        np.random.set_state(state[1])
