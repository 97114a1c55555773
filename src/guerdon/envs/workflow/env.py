"""Workflow: the policy writes a workflow, it is checked, mended, run, and its output is scored.

What was sampled is what is trained, whatever was mended. An invalid program is never run, and only
an answer that the policy's own program gave can earn anything: there is no fallback.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from guerdon.chat import Chat
from guerdon.envs.workflow import record
from guerdon.envs.workflow.grades import Facts, Grade, Graded, tier_of
from guerdon.envs.workflow.prompt import Listing, Surface, policy_prompt, problem_of
from guerdon.envs.workflow.public_tests import overlap, public_tests
from guerdon.envs.workflow.record import Record
from guerdon.errors import ConfigError, RewardError
from guerdon.llm.meter import Bill, billing
from guerdon.sandbox import Sandbox
from guerdon.types import Episode, Message, Metrics, Models, Reward, RewardFn, Task, derive_seed
from guerdon.workflow import Catalog, Inputs, Limits, Run, check, load_catalog, run
from guerdon.workflow import Task as Setting
from guerdon.workflow.code import SandboxedCode
from guerdon.workflow.findings import CODES
from guerdon.workflow.meter import ledger_meter
from guerdon.workflow.repair import Repaired, repair
from guerdon.workflow.replay import replay as run_again

_CODE = "code"
"""The domain whose outputs are programs."""
_ERRORS = [code for code in CODES if code.startswith("E")]


@dataclass(frozen=True)
class Played:
    """What became of one program on one task. ``run`` is None where it was not run."""

    repaired: Repaired
    run: Run | None
    score: float
    """Of the output; 0 where there is none."""
    reward: Reward
    metrics: Metrics
    bill: Bill
    """What the run used and what was paid for it."""


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """The policy writes a workflow for each task; ``model`` is what its operators ask.

    Args:
        rewards: score a workflow's output, 0 to 1: by ``task.info["dataset"]`` where that is named
            here, else by domain.
        model: the executor: a name in `models`; operators of your own may name others.
        grade: makes the reward of the score, the cost and the repairs.
        sandbox: where operators run code; None: those that do fail.
        limits: the budget of one workflow.
        operators: YAML files of further operators.
        surface: what the policy is told to write; it may write either.
        catalogue: how operators are described to it; names: for small policies.
        mend: repair what can be repaired; otherwise such a program is invalid.
        success_at: a score from which the episode is a success.
        share_calls: the n-th answer to the same question is the same for all members, tasks and
            steps, so that a cache answers it; False: every rollout draws its own.
        seed: of these draws.
        judge: adds ``judge_coef`` times its value to the reward of a workflow with an output. Keep
            that below the least difference the rule makes, so that it only orders equals.
        traces: a folder; what each rollout did is written there, one file each.
    """

    rewards: Mapping[str, RewardFn]
    model: str = "executor"
    grade: Grade = field(default_factory=Graded)
    sandbox: Sandbox | None = None
    limits: Limits = Limits()
    operators: tuple[str, ...] = ()
    surface: Surface = "python"
    catalogue: Listing = "full"
    mend: bool = True
    success_at: float = 1.0
    share_calls: bool = True
    seed: int = 0
    judge: RewardFn | None = None
    judge_coef: float = 0.02
    traces: str | None = None
    catalog: Catalog = field(init=False, repr=False, compare=False)
    """The operators there are."""
    _separate: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """Ids of tasks whose public tests are known not to be hidden ones."""

    def __post_init__(self) -> None:
        problems = [] if self.rewards else ["Workflow: rewards is empty; name one for each domain"]
        if not 0 <= self.judge_coef < 1:
            problems.append(f"Workflow: judge_coef is {self.judge_coef}; it must be in [0, 1)")
        if problems:
            raise ConfigError(problems)
        object.__setattr__(self, "catalog", load_catalog(*self.operators))

    def prompt(self, task: Task) -> tuple[Message, ...]:
        """What the policy is told; the problem with its context is always in it."""
        return policy_prompt(
            task,
            self.catalog,
            self.limits,
            has_tests=bool(public_tests(task)),
            surface=self.surface,
            listing=self.catalogue,
        )

    def setting(self, task: Task) -> Setting:
        """What the validity of a workflow for this task depends on.

        Raises:
            ConfigError: the task is of no domain that workflows have.
        """
        self.catalog.parameters(task.domain)
        return Setting(task.domain, bool(public_tests(task)), self.limits)

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode.

        Raises:
            RolloutError: the policy, the executor, the sandbox or the reward failed.
            ConfigError: the task cannot be played fairly, or no reward is named for it.
        """
        chat = Chat(models["policy"], group=task.id)
        text = await chat.send(*self.prompt(task))
        step = chat.turns[-1].version
        played = await self.play(task, text, models, step=step)
        if self.traces is not None:
            seed = models["policy"].sampling.seed
            folder = Path(self.traces) / f"version_{step:06d}"
            record.write(folder, task, text, step, seed, played.run, played.reward)
        return Episode(task, (chat.trajectory(played.reward),), metrics=played.metrics)

    async def play(self, task: Task, text: str, models: Models, *, step: int = 0) -> Played:
        """Run a workflow that anybody wrote, and grade it.

        Args:
            text: the workflow, in either surface, or a reply with one in it.
            step: updates of the policy so far; grades may be stricter later.

        Raises:
            As `rollout`.
        """
        self._check_tests(task)
        is_valid_as_written, repaired = self._read(task, text)
        with billing() as bill:
            done = await self._run(repaired, task, models)
        score, reward = await self._scored(task, repaired, done, models, step)
        metrics = _metrics(is_valid_as_written, repaired, done, score)
        metrics["success"] = float(score is not None and score >= self.success_at)
        metrics |= self._uses(done) | _agreement(reward, metrics["success"])
        return Played(repaired, done, score or 0.0, reward, metrics, bill)

    async def replay(self, kept: Record, models: Models) -> tuple[Run | None, Reward]:
        """Run and score a recorded rollout again; the executor and the sandbox are the record.

        Args:
            models: what rewards ask, if they ask any.

        Raises:
            EngineError, SandboxError: the record lacks what the program asks for.
            RewardError: the reward cannot be computed.
        """
        _, repaired = self._read(kept.task, kept.reply)
        done = None if kept.run is None else await run_again(kept.run, self.catalog)
        _, reward = await self._scored(kept.task, repaired, done, models, kept.step)
        return done, reward

    def _read(self, task: Task, text: str) -> tuple[bool, Repaired]:
        """Whether a workflow is valid as it was written, and the workflow after repair."""
        setting = self.setting(task)
        written = check(text, self.catalog, setting)
        if written.is_valid or not self.mend:
            return written.is_valid, Repaired(written)
        return False, repair(text, self.catalog, setting)

    async def _scored(
        self, task: Task, repaired: Repaired, done: Run | None, models: Models, step: int
    ) -> tuple[float | None, Reward]:
        """The output's score, None without one, and the reward it and the facts amount to."""
        facts = Facts(is_valid=repaired.checked.is_valid, num_fixes=len(repaired.fixes), step=step)
        if done is None:
            return None, self.grade(None, facts)
        facts = replace(facts, num_calls=len(done.calls), num_tokens=done.num_tokens, usd=done.usd)
        if done.answer is None:
            failed = self.grade(None, facts)
            return None, replace(failed, note=f"{done.status}: {done.error}")
        response = _response(done.answer, task)
        found = await self._reward(task)(task, response, models)
        if not math.isfinite(found.value):
            raise RewardError(f"task {task.id!r}: the reward is {found.value}, not a number")
        reward = self.grade(found.value, facts)
        reward = replace(reward, parts={**found.parts, **reward.parts}, note=found.note)
        return found.value, await self._with_judge(task, response, reward, models)

    async def _run(self, repaired: Repaired, task: Task, models: Models) -> Run | None:
        program = repaired.checked.program
        if not repaired.checked.is_valid or program is None:
            return None
        entry_point = str(task.info.get("entry_point", ""))
        return await run(
            program,
            self.catalog,
            Inputs(problem_of(task), entry_point, public_tests(task)),
            self._askable(models),
            limits=self.limits,
            sandbox=None if self.sandbox is None else self._code,
            meter=ledger_meter,
        )

    @cached_property
    def _code(self) -> SandboxedCode:
        assert self.sandbox is not None
        return SandboxedCode(self.sandbox)

    def _askable(self, models: Models) -> Models:
        """All but the policy, with the seeds their answers are shared by."""
        others = {name: model for name, model in models.items() if name != "policy"}
        if self.model in models:
            others["executor"] = models[self.model]
        if not self.share_calls:
            return others
        return {
            name: replace(
                model, sampling=replace(model.sampling, seed=derive_seed(self.seed, name))
            )
            for name, model in others.items()
        }

    def _reward(self, task: Task) -> RewardFn:
        for key in (str(task.info.get("dataset")), task.domain):
            if key in self.rewards:
                return self.rewards[key]
        raise ConfigError(
            f"task {task.id!r} is of domain {task.domain!r}, and Workflow.rewards has only: "
            f"{', '.join(self.rewards)}"
        )

    async def _with_judge(
        self, task: Task, response: str, reward: Reward, models: Models
    ) -> Reward:
        if self.judge is None:
            return reward
        verdict = await self.judge(task, response, models)
        parts = {**reward.parts, "judge": verdict.value}
        note = f"{reward.note}\njudge: {verdict.note}"
        return Reward(reward.value + self.judge_coef * verdict.value, parts, note)

    def _check_tests(self, task: Task) -> None:
        if task.id in self._separate:
            return
        if shared := overlap(task):
            raise ConfigError(
                f"task {task.id!r}: a public test is also a hidden one ({shared[0][:100]!r}); a "
                f"workflow could learn the reward's tests, so take it out of info['public_tests']"
            )
        self._separate.add(task.id)

    def _uses(self, done: Run | None) -> Metrics:
        """How often each operator was used."""
        used = [] if done is None else [node.operator for node in done.nodes]
        return {f"op_{name}": float(used.count(name)) for name in self.catalog.operators}


def _response(answer: str, task: Task) -> str:
    """The output as a reward reads it: a program in a fence."""
    is_bare = task.domain == _CODE and "```" not in answer
    return f"```python\n{answer}\n```" if is_bare else answer


def _metrics(
    is_valid_as_written: bool, repaired: Repaired, done: Run | None, score: float | None
) -> Metrics:
    """Numbers of one episode; every one always, so that means are over all episodes. What depends
    on who asked first is not among them: a resumed run repeats them."""
    errors = {one.code for one in repaired.checked.findings if one.is_error}
    calls = [] if done is None else done.calls
    found: Metrics = {
        "score": score or 0.0,
        "valid": float(repaired.checked.is_valid),
        "valid_as_written": float(is_valid_as_written),
        "repairs": float(len(repaired.fixes)),
        "executed": float(done is not None and done.status == "ok"),
        "calls": float(len(calls)),
        "tokens": float(0 if done is None else done.num_tokens or 0),
        "usd": 0.0 if done is None else done.usd or 0.0,
    }
    tier = tier_of(score or 0.0)
    found |= {f"tier_{number}": float(number == tier) for number in range(1, 6)}
    return found | {f"error_{code}": float(code in errors) for code in _ERRORS}


def _agreement(reward: Reward, success: float) -> Metrics:
    """Whether the judge, where there was one, says the same as the rule."""
    if "judge" not in reward.parts:
        return {}
    return {"judge_agrees": float((reward.parts["judge"] >= 0.5) == bool(success))}
