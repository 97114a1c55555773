"""Evaluation on held-out tasks: the same `collect`, other tasks, other sampling.

An episode that failed has no score: it is left out of every mean and counted as an error.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from guerdon.config.build import build
from guerdon.config.schema import Config, Eval
from guerdon.engines.closing import then_close
from guerdon.errors import RolloutError
from guerdon.train.collect import collect
from guerdon.train.metrics import mean_parts
from guerdon.trust.agreement import Z95, wilson
from guerdon.types import Env, Episode, Metrics, Models, Task


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found. ``success`` is None where the environment does not define it."""

    reward: float
    success: float | None
    ci95: tuple[float, float] | None
    """95 % confidence interval of ``success``."""
    episodes: int
    """Episodes that have a score."""
    errors: int
    pass_at: Mapping[int, float] = field(default_factory=dict)
    """k -> probability that one of k episodes of a task succeeds."""
    domains: Mapping[str, float] = field(default_factory=dict)
    """Success by domain, where there are several."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Means of the parts of the reward."""

    def to_json(self) -> dict[str, Any]:
        """As it stands in summary.json and in `guerdon evaluate --json`."""
        record: dict[str, Any] = {
            "success": self.success,
            "reward": self.reward,
            "episodes": self.episodes,
            "ci95": list(self.ci95) if self.ci95 else None,
            "errors": self.errors,
        }
        if len(self.pass_at) > 1:
            record["pass_at"] = {str(k): value for k, value in self.pass_at.items()}
        return record | ({"domains": dict(self.domains)} if self.domains else {})

    def to_metrics(self) -> Metrics:
        """As it stands in metrics.jsonl."""
        row = {"eval/reward": self.reward, "eval/errors": float(self.errors)}
        if self.success is not None and self.ci95 is not None:
            row |= {"eval/success": self.success}
            row |= {"eval/success_low": self.ci95[0], "eval/success_high": self.ci95[1]}
        row |= {f"eval/part/{name}": value for name, value in self.parts.items()}
        row |= {f"eval/pass@{k}": value for k, value in self.pass_at.items() if k > 1}
        return row | {f"eval/{name}/success": value for name, value in self.domains.items()}


def evaluation_models(models: Models, settings: Eval) -> Models:
    """The same models with the policy sampled as ``settings`` say (greedy by default)."""
    policy = models["policy"]
    sampling = settings.sampling or replace(policy.sampling, temperature=0.0, top_p=1.0, top_k=0)
    sampling = replace(sampling, seed=policy.sampling.seed)
    return {**models, "policy": replace(policy, sampling=sampling)}


async def evaluate(
    env: Env, tasks: Sequence[Task], models: Models, settings: Eval, *, max_concurrent: int = 1024
) -> tuple[Evaluation, list[Episode]]:
    """Play ``settings.samples_per_task`` episodes of each task and summarise them.

    Raises:
        RolloutError: every episode failed.
    """
    episodes = await collect(
        env,
        tasks[: settings.num_tasks],
        evaluation_models(models, settings),
        group_size=settings.samples_per_task,
        key=("eval",),
        max_concurrent=max_concurrent,
    )
    return summarise(episodes), episodes


def summarise(episodes: Sequence[Episode]) -> Evaluation:
    """Reward, success with its interval, and pass@k of evaluated episodes.

    Raises:
        RolloutError: every episode failed.
    """
    scored = [episode for episode in episodes if not episode.error]
    if not scored:
        cause = episodes[0].error if episodes else "there are no held-out tasks"
        raise RolloutError(f"evaluation has no scored episode: {cause}")
    wins: dict[str, list[float]] = defaultdict(list)
    by_domain: dict[str, list[float]] = defaultdict(list)
    for episode in scored:
        if "success" in episode.metrics:
            wins[episode.task.id].append(episode.metrics["success"])
            by_domain[episode.task.domain].append(episode.metrics["success"])
    several = len(by_domain) > 1
    return Evaluation(
        reward=fmean(_earned(episode) for episode in scored),
        success=fmean(fmean(tries) for tries in wins.values()) if wins else None,
        ci95=interval(list(wins.values())) if wins else None,
        episodes=len(scored),
        errors=len(episodes) - len(scored),
        pass_at=pass_at(list(wins.values())),
        domains={d: fmean(v) for d, v in sorted(by_domain.items())} if several else {},
        parts=mean_parts(scored),
    )


def _earned(episode: Episode) -> float:
    """What an episode was worth: its own sum, where rows overlap, or that of its rows."""
    rows = sum(row.total_reward for row in episode.trajectories)
    return episode.metrics.get("return", rows)


def interval(tries: Sequence[Sequence[float]]) -> tuple[float, float]:
    """95 % confidence interval of the mean over tasks; ``tries[i]`` are the outcomes of task i.

    One try each with outcomes 0 or 1: Wilson's interval, honest near 0 and 1. Otherwise tasks are
    the independent unit: mean +- z s / sqrt(n) over their means, within [0, 1].
    """
    means = [fmean(outcomes) for outcomes in tries]
    n, p = len(means), fmean(means)
    if all(mean in (0.0, 1.0) for mean in means):
        return wilson(p, float(n))
    half = Z95 * stdev(means) / math.sqrt(n) if n > 1 else 1.0
    return max(0.0, p - half), min(1.0, p + half)


def pass_at(tries: Sequence[Sequence[float]]) -> dict[int, float]:
    """pass@k, the mean of 1 - C(n-c, k) / C(n, k), for k = 1, 2, 4 ... up to the fewest tries.

    Source: Chen et al. 2021 (arXiv:2107.03374), eq. 1.
    """
    most = min((len(outcomes) for outcomes in tries), default=0)
    found = {}
    for k in (2**i for i in range(most.bit_length())):
        misses = [
            math.comb(len(o) - sum(x >= 1.0 for x in o), k) / math.comb(len(o), k) for o in tries
        ]
        found[k] = 1.0 - fmean(misses)
    return found


def evaluate_run(
    config: Config, *, run: Path | None = None, checkpoint: Path | None = None
) -> Evaluation:
    """Evaluate what a configuration describes.

    Args:
        config: whose tasks, environment, evaluation settings and models to use.
        run: the run directory that models with ``init`` belong to.
        checkpoint: where the policy's weights are; None: `models.policy.path`.

    Raises:
        RolloutError: every episode failed.
    """
    from guerdon.backends import local  # it loads torch, which not every evaluation needs

    with tempfile.TemporaryDirectory() as scratch:
        models = local.load_models(config, run or Path(scratch), checkpoint)
    template = models["policy"].engine.template
    count = None if template is None else lambda messages: len(template.start(messages))
    tasks = build(config.tasks, "tasks").load(count)
    env = build(config.env, "env")
    work = evaluate(
        env, tasks.held_out, models, config.eval, max_concurrent=config.trainer.max_concurrent
    )
    return asyncio.run(then_close(work, models))[0]
