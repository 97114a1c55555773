"""The learning curve of a run as a picture, from its metrics.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from guerdon.runs import reader


def draw_curve(folder: Path, baselines: Mapping[str, float] | None = None) -> Path | None:
    """Write ``curve.png``: held-out success with its interval, and the training reward.

    Args:
        folder: the run directory.
        baselines: success of simple policies, drawn as dotted lines.

    Returns:
        The picture's path, or None before the first step.
    """
    from matplotlib.figure import Figure  # no pyplot: no display, no global state

    rows = reader.read_metrics(folder)
    train = [(row["step"], row["reward/mean"]) for row in rows if "reward/mean" in row]
    if not train:
        return None
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*train, strict=True), color="0.6", linewidth=1, label="training reward")
    held_out = [row for row in rows if "eval/success" in row]
    if held_out:
        steps = [row["step"] for row in held_out]
        low = [row["eval/success_low"] for row in held_out]
        high = [row["eval/success_high"] for row in held_out]
        axes.fill_between(steps, low, high, color="tab:blue", alpha=0.2, linewidth=0)
        success = [row["eval/success"] for row in held_out]
        axes.plot(steps, success, "o-", color="tab:blue", label="held-out success, 95 % interval")
        for name, value in (baselines or {}).items():
            axes.axhline(value, color="tab:red", linestyle=":", linewidth=1)
            axes.text(steps[-1], value, name, ha="right", va="bottom", color="tab:red", fontsize=8)
    axes.set(xlabel="step", title=folder.name)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    path = folder / "curve.png"
    figure.savefig(path, dpi=120)
    return path
