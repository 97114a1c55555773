"""`guerdon show`: what a run did, in its own words, from its record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from guerdon.types import Episode, Trajectory


def show(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    step: Annotated[
        int | None, typer.Option("--step", help="Which step; default: the last recorded one.")
    ] = None,
    episodes: Annotated[int, typer.Option("--episodes", "-n", help="How many to print.")] = 3,
    is_eval: Annotated[
        bool, typer.Option("--eval", help="Episodes of the evaluation instead of training.")
    ] = False,
    worst: Annotated[bool, typer.Option("--worst", help="Lowest rewards first.")] = False,
) -> None:
    """Print a run's progress and some of its episodes, turn by turn with their rewards."""
    from guerdon.errors import ConfigError
    from guerdon.runs import reader

    record = reader.read_run(run)
    part = "eval" if is_eval else "episodes"
    known = sorted(s for p in (run / part).glob("*.jsonl") if (s := reader.step_of(p)) is not None)
    if not known:
        raise ConfigError(f"run {run} has no {part} yet")
    wanted = known[-1] if step is None else step
    if wanted not in known:
        raise ConfigError(f"run {run} has no {part} of step {wanted}; it has {_ranges(known)}")
    typer.echo(f"{run} · {record['status']} · {record['command']}")
    for line in _progress(reader.read_metrics(run)):
        typer.echo(line)
    found = list(reader.read_episodes(run, wanted, part))
    if worst:
        found.sort(key=_total)
    for number, episode in enumerate(found[:episodes], 1):
        typer.echo(
            f"\n--- {part} of step {wanted}, {number} of {len(found)} · task {episode.task.id}"
        )
        for line in transcript(episode):
            typer.echo(line)


def transcript(episode: Episode) -> list[str]:
    """An episode as lines of text."""
    if episode.error:
        return [f"failed, and not counted: {episode.error}"]
    lines = []
    for row in episode.trajectories:
        lines += _turns(row)
        parts = "".join(f", {name} {value:g}" for name, value in row.reward.parts.items())
        note = f" ({row.reward.note})" if row.reward.note else ""
        lines.append(
            f"= {row.role} {row.total_reward:g}{parts}{note}, {row.status}, "
            f"{sum(row.action_mask)} of {len(row.token_ids)} tokens sampled"
        )
    return lines


def _turns(row: Trajectory) -> list[str]:
    lines = []
    for turn in row.turns:
        lines += [f"{message['role']}: {message['content']}" for message in turn.observation]
        cut = " [cut by length]" if turn.finish_reason == "length" else ""
        paid = f"   [{turn.reward:+g}]" if turn.reward else ""
        lines.append(f"  > {turn.action['content']}{cut}{paid}")
    return lines


def _progress(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        if row.get("eval/success") is not None:
            lines.append(
                f"step {row['step']}: held-out success {row['eval/success']:.3f} "
                f"({row['eval/success_low']:.2f} to {row['eval/success_high']:.2f})"
            )
        elif row.get("eval/reward") is not None:
            lines.append(f"step {row['step']}: held-out reward {row['eval/reward']:.3f}")
    return lines


def _total(episode: Episode) -> float:
    return sum((row.total_reward for row in episode.trajectories), 0.0)


def _ranges(steps: Sequence[int]) -> str:
    return f"{steps[0]} to {steps[-1]}" if len(steps) > 1 else str(steps[0])
