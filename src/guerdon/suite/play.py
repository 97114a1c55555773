"""Play every method on the test rows of every data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from guerdon.config.schema import Eval
from guerdon.envs.workflow.env import Workflow
from guerdon.envs.workflow.grades import Graded
from guerdon.errors import RolloutError
from guerdon.rewards.dataset_score import DatasetScore
from guerdon.suite.methods import BASELINES, CANDIDATES, FixedWorkflow, Programs
from guerdon.suite.results import Result, result_of
from guerdon.train.collect import collect
from guerdon.train.evaluate import evaluation_models
from guerdon.types import Env, Episode, Models, Task

POLICY = "policy"
BEST_FIXED = "best fixed workflow"

Progress = Callable[[str, int, int], None]
"""(what, done, in all)."""


@dataclass
class Suite:
    """All results: by method, then by data set."""

    results: dict[str, dict[str, Result]] = field(default_factory=dict)
    best_fixed: dict[str, str] = field(default_factory=dict)
    """Domain -> the workflow that scored best on rows to choose by."""
    failures: list[str] = field(default_factory=list)
    """Why a method has no result on a data set."""


def scoring(env: Workflow) -> Workflow:
    """The same environment with the published scores; nothing is taken off for cost."""
    score = DatasetScore(sandbox=env.sandbox)
    rewards = {domain: score for domain in env.catalog.domains}
    return replace(env, rewards=rewards, grade=Graded(cost_coef=0.0), judge=None, success_at=1.0)


async def play_suite(
    env: Workflow,
    models: Models,
    tests: Mapping[str, Sequence[Task]],
    *,
    choose_by: Sequence[Task] = (),
    settings: Eval,
    max_concurrent: int = 64,
    progress: Progress = lambda what, done, total: None,
) -> Suite:
    """Play the policy and all baselines.

    Args:
        env: a workflow environment; its rewards are replaced by the published scores.
        models: ``policy`` may be left out; then the baselines are played alone.
        tests: data set -> tasks.
        choose_by: tasks that the best fixed workflow of each domain is chosen by; they must be none
            of ``tests``. None: there is no such method.
        settings: how the policy is sampled.
    """
    env, suite = scoring(env), Suite()
    methods: dict[str, Env] = {
        name: FixedWorkflow(env, programs, BASELINES["one call"])
        for name, programs in BASELINES.items()
    }
    if choose_by:
        suite.best_fixed = await choose(env, models, choose_by, max_concurrent)
        fixed = {domain: _program(domain, name) for domain, name in suite.best_fixed.items()}
        methods[BEST_FIXED] = FixedWorkflow(
            env, {**BASELINES["one call"], **fixed}, BASELINES["one call"]
        )
    if "policy" in models:
        methods = {POLICY: env, **methods}
        models = evaluation_models(models, settings)
    total = len(methods) * len(tests)
    for number, (method, how) in enumerate(methods.items()):
        suite.results[method] = {}
        for at, (name, tasks) in enumerate(tests.items()):
            progress(f"{method}: {name}", number * len(tests) + at, total)
            episodes = await _play(how, tasks, models, max_concurrent)
            result = result_of(episodes)
            if result is None:
                suite.failures.append(f"{method}: {name}: {episodes[0].error}")
            else:
                suite.results[method][name] = result
    progress("", total, total)
    return suite


async def choose(
    env: Workflow, models: Models, tasks: Sequence[Task], max_concurrent: int
) -> dict[str, str]:
    """The name of the fixed workflow with the best mean score, for each domain of the tasks; of
    equal ones the one with fewer calls.

    Raises:
        RolloutError: no candidate of a domain could be played.
    """
    chosen = {}
    for domain in dict.fromkeys(task.domain for task in tasks):
        own = [task for task in tasks if task.domain == domain]
        ranked = []
        for name in _names(domain):
            fixed = FixedWorkflow(env, {domain: _program(domain, name)}, BASELINES["one call"])
            scored = [e for e in await _play(fixed, own, models, max_concurrent) if not e.error]
            if scored:
                score = fmean(episode.metrics["score"] for episode in scored)
                ranked.append((-score, fmean(e.metrics["calls"] for e in scored), name))
        if not ranked:
            raise RolloutError(f"no fixed workflow could be played on the {domain} rows")
        chosen[domain] = min(ranked)[2]
    return chosen


def programs_of(chosen: Mapping[str, str]) -> Programs:
    """The workflows that `choose` named."""
    return {domain: _program(domain, name) for domain, name in chosen.items()}


async def _play(
    env: Env, tasks: Sequence[Task], models: Models, max_concurrent: int
) -> list[Episode]:
    return await collect(env, tasks, models, key=("suite",), max_concurrent=max_concurrent)


def _names(domain: str) -> list[str]:
    return [*BASELINES, *CANDIDATES.get(domain, {})]


def _program(domain: str, name: str) -> str:
    return BASELINES[name][domain] if name in BASELINES else CANDIDATES[domain][name]
