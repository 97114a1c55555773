"""What a run prints: models and data at the start, a live line per step, one sentence at the end.

On a terminal the progress line is redrawn in place; elsewhere a plain line appears every few
seconds, so that logs stay short.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from guerdon.learner.models import ModelRow
from guerdon.tasks import TaskSets
from guerdon.train.evaluate import Evaluation
from guerdon.types import Episode, Metrics

log = logging.getLogger("guerdon")

PLAIN_EVERY_S = 5.0
"""Seconds between progress lines where there is no terminal."""


class Display:
    """Prints the progress of one sitting of a run."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._live: Live | None = None
        self._row: Metrics = {}
        self._step = self._first = self._steps = 0
        self._episodes = 0
        self._began = self._printed = time.monotonic()
        self._evaluation = ""

    def note(self, text: str) -> None:
        """A sentence."""
        self.console.print(Text(text), soft_wrap=True)

    # --- before the first step -------------------------------------------------------------------

    def loaded(self, models: Sequence[ModelRow], tasks: TaskSets) -> None:
        """Which models are in memory and what the data is."""
        self.console.print(models_table(models))
        lines = [f"tasks: {len(tasks.train)} to train on, {len(tasks.held_out)} held out"]
        if tasks.report is not None:
            lines = tasks.report.lines()
        for line in lines:
            self.note(line)
            log.info(line)

    def warmup(self, step: int, steps: int, loss: float) -> None:
        """One step of the supervised warm-up."""
        if step == steps:
            self.console.print(
                Text(f"warm-up: {steps} supervised steps, loss {loss:.3f} nats/token")
            )

    def start(self, step: int, steps: int) -> None:
        """RL begins after ``step``, to go on to ``steps``."""
        self._first, self._step, self._steps = step, step, steps
        self._began = self._printed = time.monotonic()
        if step:
            self.console.print(Text(f"resumed after step {step}"))
        if self.console.is_terminal:
            self._live = Live(
                console=self.console,
                get_renderable=self._line,
                refresh_per_second=4,
                transient=True,
            )
            self._live.start()

    # --- while it runs ---------------------------------------------------------------------------

    def episode(self, episode: Episode) -> None:
        """An episode of the current step has finished."""
        self._episodes += 1

    def step(self, step: int, row: Metrics) -> None:
        """A step is done and recorded."""
        self._step, self._row, self._episodes = step, row, 0
        log.info("%s", self._line())
        now = time.monotonic()
        if not self._live and self._steps and now - self._printed >= PLAIN_EVERY_S:
            self._printed = now
            self.console.print(self._line(), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Something is going wrong, and what to do."""
        log.warning(text)
        self.console.print(Text(f"warning: {text}", style="yellow"), soft_wrap=True)

    def evaluation(self, step: int, found: Evaluation) -> None:
        """An evaluation is done."""
        self._evaluation = describe(found.to_json())
        text = f"step {step}: held-out {self._evaluation}"
        log.info(text)
        self.console.print(Text(text))

    def _line(self) -> Text:
        row, parts = self._row, [f"step {self._step}/{self._steps}"]
        if "reward/mean" in row:
            parts.append(f"reward {row['reward/mean']:.3f}")
        if "rollout/success" in row:
            parts.append(f"success {row['rollout/success']:.2f}")
        kl = row.get("policy/ref_kl", row.get("policy/kl"))  # of the reference, or of this step
        if kl is not None:
            parts.append(f"KL {kl:.4f}")
        if "time/tokens_per_s" in row:
            parts.append(f"{row['time/tokens_per_s']:,.0f} tokens/s")
        done = self._step - self._first
        if done:
            left = (time.monotonic() - self._began) / done * (self._steps - self._step)
            parts.append(f"{duration(left)} left")
        if self._live and self._episodes:
            parts.append(f"{self._episodes} episodes done")
        return Text(" · ".join(parts))

    # --- at the end ------------------------------------------------------------------------------

    def finished(self, summary: Mapping[str, Any], folder: Path) -> None:
        """The one line a run is for, after the scores of simple policies."""
        self.close()
        for name, value in summary["baselines"].items():
            self.note(f"for comparison, held-out success of {name}: {value:.3f}")
        before, after = summary["before"], summary["after"]
        parts = []
        if before and after:
            name = "success" if after["success"] is not None else "reward"
            parts.append(f"held-out {name} {before[name]:.3f} → {after[name]:.3f}")
        parts += [f"{summary['train_s']:.0f} s of training", str(folder)]
        parts.append(f"look closer: guerdon show {folder}")
        self.console.print(Text(" · ".join(parts), style="bold"), soft_wrap=True)

    def costs(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """What remote models cost, by role and model."""
        if not rows:
            return
        self.close()
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in rows[0]:
            table.add_column(name, justify="left" if name in ("role", "model") else "right")
        for row in rows:
            table.add_row(*(f"{v:,.4f}" if isinstance(v, float) else str(v) for v in row.values()))
        self.console.print(table)

    def interrupted(self, checkpoint: Path | None, folder: Path) -> None:
        """Ctrl-C: what was saved, and how to go on."""
        self.close()
        saved = f"saved {checkpoint}" if checkpoint else "stopped before the first step was done"
        text = f"{saved} · resume: guerdon train --resume {folder}"
        self.console.print(Text(text), soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()
            self._live = None


def models_table(rows: Sequence[ModelRow]) -> Table:
    """Models with parameters, trainable parameters and bytes."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model")
    for name in ("parameters", "trained", "MiB"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.parameters:,}",
            f"{row.trainable:,}",
            f"{row.bytes / 2**20:,.1f}",
        )
    return table


def describe(evaluation: Mapping[str, Any]) -> str:
    """``success 0.915 (0.87 to 0.95), reward 0.91, 200 episodes``."""
    parts = []
    if evaluation["success"] is not None:
        low, high = evaluation["ci95"]
        parts.append(f"success {evaluation['success']:.3f} ({low:.2f} to {high:.2f})")
    parts += [f"reward {evaluation['reward']:.3f}", f"{evaluation['episodes']} episodes"]
    parts += [f"pass@{k} {v:.3f}" for k, v in evaluation.get("pass_at", {}).items() if k != "1"]
    if evaluation["errors"]:
        parts.append(f"{evaluation['errors']} failed and not counted")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
