"""One training step. Data flows one way: tasks, episodes, batch, advantages, update, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guerdon.batch import Batch
from guerdon.config.schema import Config
from guerdon.learner.learner import Learner, LoadsWeights
from guerdon.llm.ledger import Ledger
from guerdon.runs.store import RunStore
from guerdon.tasks import TaskPool
from guerdon.templates import ChatTemplate
from guerdon.train import information, metrics, select
from guerdon.train.collect import check_errors, collect
from guerdon.train.ptx import Ptx
from guerdon.train.refill import play_groups
from guerdon.train.schedule import at_step
from guerdon.types import Algorithm, Env, Episode, Metrics, Models, Task


@dataclass(frozen=True)
class Training:
    """All that a run works with."""

    config: Config
    env: Env
    pool: TaskPool
    held_out: Sequence[Task]
    models: Models
    learner: Learner
    engine: LoadsWeights
    """The policy's engine, as the one that follows the learner."""
    algorithm: Algorithm
    store: RunStore
    template: ChatTemplate
    ledger: Ledger | None
    """What remote models cost; None without any."""
    ptx: Ptx | None
    """Conversations to imitate beside; None without any."""
    baselines: Mapping[str, float]
    """Success of simple policies on the held-out tasks, to be shown beside ours."""


async def train_step(run: Training, step: int, watch: metrics.Stopwatch) -> Metrics:
    """Act, record, grow, check, estimate, learn, publish."""
    settings = run.config.trainer
    models = at_step(run.models, settings.temperature, step)

    async def play(tasks: Sequence[Task], number: int) -> list[Episode]:
        return await collect(
            run.env,
            tasks,
            models,
            group_size=settings.group_size,
            key=("train", step, number) if number else ("train", step),
            max_concurrent=settings.max_concurrent,
            on_done=watch.progress,
        )

    with watch("rollout"):
        episodes, left_out, counts = await play_groups(
            run.pool.sample, play, settings.tasks_per_step, settings.max_refills
        )
    with watch("record"):
        run.store.write_episodes(step, episodes)
        new_tasks = [task for episode in episodes for task in episode.new_tasks]
        joined = run.pool.extend(new_tasks, step)

    check_errors(episodes, settings.max_error_rate)
    left_out |= run.pool.evaluation_among(new_tasks)  # answers to a task of evaluation
    rows, chosen = select.rows(episodes, left_out, settings)
    row = metrics.of_episodes(episodes) | counts | chosen
    row |= {"tasks/new": float(len(new_tasks)), "tasks/pool": float(len(run.pool))}
    row |= {f"tasks/{what}": float(count) for what, count in sorted(joined.items())}
    if settings.information_every and step % settings.information_every == 0:
        row |= information.of_rows(run.learner, rows)

    learned: Metrics = {}
    if rows:
        with watch("annotate"):
            batch = run.learner.annotate(Batch.from_trajectories(rows))
            batch = run.algorithm.estimate(batch)
        row["rollout/rows_with_signal"] = float(batch.has_signal.sum())
        if batch.size and (run.algorithm.needs_every_row or batch.has_signal.any()):
            with watch("update"):
                mixed = run.ptx.rows(run.learner) if run.ptx else None
                learned = run.learner.update(batch, mixed)
    row["policy/skipped_updates"] = float(not learned)
    run.learner.publish(run.engine, version=step)
    return row | learned
