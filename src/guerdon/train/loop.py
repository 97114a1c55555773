"""The loop around the step: resume, warm up, evaluate, save, report."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from guerdon.backends import local
from guerdon.config.build import build
from guerdon.config.compose import to_yaml
from guerdon.config.schema import Config
from guerdon.engines.closing import then_close
from guerdon.errors import BudgetExceeded, ConfigError, GuerdonError, RolloutError
from guerdon.fused import compiled
from guerdon.runs import reader
from guerdon.runs.store import RunStore, log
from guerdon.tasks import TaskPool
from guerdon.train import checkpoints, warmup
from guerdon.train.checkpoints import Progress
from guerdon.train.curve import draw_curve
from guerdon.train.debug import wait_for_debugger
from guerdon.train.display import Display
from guerdon.train.evaluate import evaluate
from guerdon.train.interrupt import Interrupt, Interrupted
from guerdon.train.metrics import Stopwatch
from guerdon.train.ptx import Ptx
from guerdon.train.reward_watch import RewardWatch
from guerdon.train.step import Training, train_step
from guerdon.train.watch import Watch
from guerdon.types import Metrics, derive_seed


@dataclass(frozen=True)
class Outcome:
    """How a call of `train` or `resume` ended."""

    folder: Path
    status: str
    """"completed" or "interrupted"."""
    summary: dict[str, Any]
    """The contents of summary.json; empty when interrupted."""


def train(
    config: Config,
    values: dict[str, Any],
    *,
    resume: Path | None = None,
    display: Display | None = None,
) -> Outcome:
    """Play a run to its end, or until Ctrl-C.

    Args:
        config: a configuration that passed `config.check`.
        values: the plain values it came from; they are written to the run directory.
        resume: a run directory, to go on from its last checkpoint (from the start if it has none):
            everything after that is forgotten, and written again the same.

    Raises:
        ConfigError: the run exists already, or data and models cannot be read.
        RolloutError: too many episodes of a step failed; the run was saved and can be resumed.
    """
    display = display or Display()
    last = None
    if resume is None:
        folder = Path(config.run.dir) / config.run.name
        store = RunStore.create(folder, to_yaml(values), overwrite=config.run.overwrite)
    else:
        found = reader.checkpoints(resume)
        last = found[-1] if found else None
        if (resume / "summary.json").exists():
            display.note(f"{resume} is complete; there is nothing to resume")
            return Outcome(resume, "completed", json.loads((resume / "summary.json").read_text()))
        store = RunStore.open(resume)
        store.rewind(-1 if last is None else reader.step_of(last) or 0)
    status = "failed"
    try:
        if config.trainer.debug:
            wait_for_debugger(config.trainer.debug_port)
        run = _build(config, store, display)
        progress = checkpoints.load(run, last) if last else Progress()
        loop = Loop(run, progress, display)
        status = asyncio.run(then_close(loop.play(), run.models))
        return Outcome(store.folder, status, loop.summary)
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    except GuerdonError as error:
        log.error("%s", error)
        raise
    finally:
        display.close()
        store.finish(status)


def _build(config: Config, store: RunStore, display: Display) -> Training:
    parts = local.build(config, store.folder)
    engine: Any = parts.models["policy"].engine
    if not hasattr(engine, "load_weights"):
        raise ConfigError(
            f"models.policy.engine {type(engine).__name__} cannot be trained: it has no "
            f"load_weights; use guerdon.engines.native.NativeEngine"
        )
    tasks = parts.tasks.load(parts.count_tokens)
    display.loaded(parts.loaded.table(), tasks)
    if parts.loaded.device.type == "cpu" and compiled.library() is None:
        display.note("without a C compiler (cc, or $CC) the CPU is slower; see log.txt")
    return Training(
        config=config,
        env=parts.env,
        pool=TaskPool(
            tasks.train,
            weights=tasks.weights,
            seed=derive_seed(config.run.seed, "tasks"),
            growth=build(config.growth, "growth") if config.growth else None,
            held_out=tasks.held_out,
        ),
        held_out=tasks.held_out,
        models=parts.models,
        learner=parts.learner,
        engine=engine,
        algorithm=parts.algorithm,
        store=store,
        template=parts.template,
        ledger=parts.ledger,
        ptx=Ptx.of(config, parts.template),
        baselines=parts.tasks.baselines() if hasattr(parts.tasks, "baselines") else {},
    )


class Loop:
    """One sitting of a run: from ``progress`` to the last step, an error or an interrupt."""

    def __init__(self, run: Training, progress: Progress, display: Display) -> None:
        self.training = run
        self.settings = run.config.trainer
        self.progress = progress
        self.display = display
        self.interrupt = Interrupt()
        self.reward_watch = RewardWatch(run, display)
        self.trackers = [build(t, "trackers", run=run.config.run) for t in run.config.trackers]
        self.summary: dict[str, Any] = {}
        self.watch = Watch(reader.read_metrics(run.store.folder))
        self._collapsed = ""
        """The sign a run is stopped for."""
        self._recorded = progress.step
        """The last step whose row is written: weights are saved only where both agree."""

    async def play(self) -> str:
        """Returns the status to record."""
        try:
            with self.interrupt.listening():
                if self.progress.step == 0:
                    await self._start()
                else:
                    run = self.training
                    run.learner.publish(run.engine, version=self.progress.step)
                self.display.start(self.progress.step, self.settings.steps)
                gc.freeze()  # models and tasks live as long as the run: do not look at them again
                while self.progress.step < self.settings.steps and not self._collapsed:
                    await self._step(self.progress.step + 1)
            self._save_if_begun()
            self._finish()
            return "completed"
        except Interrupted:
            self.display.interrupted(self._save_if_begun(), self.training.store.folder)
            return "interrupted"
        except (RolloutError, BudgetExceeded):  # the weights are those of the last whole step
            self._save_if_begun()
            raise
        finally:
            gc.unfreeze()
            for tracker in self.trackers:
                tracker.close()
            if self.training.ledger is not None:
                self.display.costs(self.training.ledger.rows())
                self.training.ledger.close()

    async def _start(self) -> None:
        """Try the reward, warm up, and see what the policy is worth before step 1."""
        run = self.training
        row = await self.interrupt.run(self.reward_watch.open_gate())
        if run.config.warmup:
            row |= warmup.imitate(run, self.display)
        run.learner.publish(run.engine, version=0)
        if self.settings.eval_every:
            row |= await self.interrupt.run(self._evaluate(0))
        if row:
            self._record(0, row)

    async def _step(self, step: int) -> None:
        """One training step and what belongs to it: evaluation, the row, the checkpoint."""
        run, settings = self.training, self.settings
        pool = run.pool.state_dict(), run.pool.grown
        watch = Stopwatch(self.display.episode)
        if run.ledger is not None:
            run.ledger.step = step
        try:
            row = await self.interrupt.run(train_step(run, step, watch))
        except (GuerdonError, Interrupted):
            run.pool.load_state_dict(*pool)  # the step did not happen
            raise
        row |= watch.to_metrics(row.get("rollout/action_tokens", 0.0))
        seconds = self.progress.train_s + row["time/step_s"]
        self.progress = replace(self.progress, step=step, train_s=seconds)
        if hasattr(run.algorithm, "advance"):
            run.algorithm.advance(step, row)
        row |= await self.reward_watch.after_step(step)
        last = step == settings.steps
        if settings.eval_every and (last or step % settings.eval_every == 0):
            row |= await self._evaluate(step)  # not interruptible: the row would lack it
        improved = self.progress.best_step == step
        self._record(step, row)
        due = settings.save_every and step % settings.save_every == 0
        if last or due or (improved and settings.keep_best):
            checkpoints.save(run, self.progress)

    async def _evaluate(self, step: int) -> Metrics:
        """Evaluate on the held-out tasks and remember what came out."""
        run = self.training
        started = time.perf_counter()
        found, episodes = await evaluate(
            run.env,
            run.held_out,
            run.models,
            run.config.eval,
            max_concurrent=self.settings.max_concurrent,
        )
        run.store.write_episodes(step, episodes, part="eval")
        run.learner.publish(run.engine, version=step)  # leave no trace in the engine's cache
        self.progress = self.progress.after_evaluation(step, found)
        self.display.evaluation(step, found)
        return found.to_metrics() | {"time/eval_s": time.perf_counter() - started}

    def _record(self, step: int, row: Metrics) -> None:
        if self.training.ledger is not None:
            row = row | self.training.ledger.drain()
        self.training.store.write_metrics(step, row)
        self._recorded = step
        if step % self.settings.log_every == 0 or step == self.settings.steps:
            for tracker in self.trackers:
                tracker.log(step, row)
        self.display.step(step, row)
        for sign in self.watch.step(row):
            self.display.warn(f"step {step}: {sign}")
            if self.settings.stop_on_collapse:
                self._collapsed = self._collapsed or sign.name

    def _save_if_begun(self) -> Path | None:
        """Save where the run stands, unless that is the very start or between two rows: the last
        checkpoint is good for that."""
        if self.progress.step == 0 or self.progress.step != self._recorded:
            return None
        folder = self.training.store.checkpoint_folder(self.progress.step)
        return folder if folder.exists() else checkpoints.save(self.training, self.progress)

    def _finish(self) -> None:
        run = self.training
        self.summary = {
            "before": self.progress.before,
            "after": self.progress.after,
            "train_s": round(self.progress.train_s, 3),
            "steps": self.settings.steps,
            "baselines": run.baselines,
            "seed": run.config.run.seed,
        }
        if self._collapsed:
            self.summary |= {"steps": self.progress.step, "stopped_by": self._collapsed}
        run.store.write_summary(self.summary)
        draw_curve(run.store.folder, run.baselines)
        self.reward_watch.finish()
        self.display.finished(self.summary, run.store.folder)
