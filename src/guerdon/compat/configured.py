"""What a script of another project's guide has to start: a checked run, and what to say of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from guerdon.config.schema import Config
from guerdon.errors import GuerdonError


@dataclass(frozen=True)
class Configured:
    """A run that could start."""

    config: Config
    values: dict[str, Any]
    notes: tuple[str, ...]
    """What differs from what its file says, and why; and warnings."""


def start(
    configure: Callable[[], Configured], train: Callable[[Configured], object] | None = None
) -> int:
    """Configure, say the notes, train; returns the exit code of the script.

    Args:
        train: None: `guerdon.train.loop.train`.
    """
    try:
        configured = configure()
        for note in configured.notes:
            print(f"note: {note}", file=sys.stderr)
        outcome = (train or _train)(configured)
    except GuerdonError as error:
        print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return error.exit_code
    return 130 if getattr(outcome, "status", "") == "interrupted" else 0


def _train(configured: Configured) -> object:
    from guerdon.train.loop import train

    return train(configured.config, configured.values)
