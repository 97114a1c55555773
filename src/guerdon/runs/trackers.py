"""Trackers: send a run's rows elsewhere too. metrics.jsonl is always written and is the record.

Name them in the configuration: ``trackers=[{_target_: guerdon.runs.trackers.TensorBoard}]``.
A tracker has ``log(step, row)`` and ``close()``; it gets the run's settings as ``run``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guerdon.config.schema import Run
from guerdon.errors import ConfigError
from guerdon.types import Metrics


@dataclass(kw_only=True)
class TensorBoard:
    """Event files in the run directory; look with ``tensorboard --logdir runs``."""

    run: Run

    def __post_init__(self) -> None:
        module = _require("torch.utils.tensorboard", "tensorboard")
        self._writer = module.SummaryWriter(str(Path(self.run.dir) / self.run.name / "tensorboard"))

    def log(self, step: int, row: Metrics) -> None:
        """Write one row."""
        for name, value in row.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and end."""
        self._writer.close()


@dataclass(kw_only=True)
class Wandb:
    """Weights & Biases; the key comes from the environment (WANDB_API_KEY)."""

    run: Run
    project: str = "guerdon"
    name: str | None = None
    """None: the run's."""
    mode: str = "online"
    """online, offline or disabled."""

    def __post_init__(self) -> None:
        module = _require("wandb", "wandb")
        folder = Path(self.run.dir) / self.run.name
        self._run: Any = module.init(
            project=self.project, name=self.name or self.run.name, dir=str(folder), mode=self.mode
        )

    def log(self, step: int, row: Metrics) -> None:
        """Send one row."""
        self._run.log(row, step=step)

    def close(self) -> None:
        """Finish the upload."""
        self._run.finish()


@dataclass(kw_only=True)
class Trackio:
    """Trackio, the local-first tracker with wandb's interface."""

    run: Run
    project: str = "guerdon"

    def __post_init__(self) -> None:
        module = _require("trackio", "trackio")
        self._run: Any = module.init(project=self.project, name=self.run.name)

    def log(self, step: int, row: Metrics) -> None:
        """Write one row."""
        self._run.log(row, step=step)

    def close(self) -> None:
        """Finish."""
        self._run.finish()


def _require(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"tracker {extra!r} is not installed; pip install 'guerdon[{extra}]'"
        ) from error
