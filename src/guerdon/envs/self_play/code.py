"""CodeSelfPlay: one policy invents problems about programs and solves them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from guerdon.chat import Chat
from guerdon.envs.self_play.attempts import Attempt, to_episode
from guerdon.envs.self_play.bonuses import Bonuses
from guerdon.envs.self_play.code_wording import Fenced, Wording
from guerdon.envs.self_play.composite import as_helper, put_together, without_comments
from guerdon.envs.self_play.difficulty import RewardTable
from guerdon.envs.self_play.grading import Grader
from guerdon.envs.self_play.problems import KINDS, NO_ERROR, Kind, Problem, from_info, to_task
from guerdon.envs.self_play.programs import FUNNEL, Unfit
from guerdon.errors import ConfigError, EnvError
from guerdon.tasks import TaskSource, similarity
from guerdon.tasks.origin import Origin, subject, with_origin
from guerdon.types import (
    Episode,
    Metrics,
    Model,
    Models,
    Reward,
    Sampling,
    Task,
    Trajectory,
    derive_seed,
)

_MESSAGE_CHARS = 1000
_LINE_CHARS = 10
"""Of a program's line that a message may not repeat."""


@dataclass(frozen=True, kw_only=True)
class CodeSelfPlay:
    """Plays both roles with the policy: a task with ``info["propose"]`` is an invitation to invent
    a problem of that kind, any other a problem to solve (see `code_tasks.CodeTasks`).

    An invented problem must pass the funnel (`programs.FUNNEL`); then the policy solves it
    ``num_samples`` times. What that was worth is in ``rewards``; the problem leaves as a new task.
    Equal proposals of one episode share what one of them earns, if that is above 0, which keeps a
    proposer from inventing the same thing for ever.

    Trajectories have the roles ``proposer_<kind>`` and ``solver_<kind>``, so that each can have a
    baseline of its own (`ReinforcePP` with ``baseline: role``).

    Args:
        grader: tells right from wrong, and where programs run.
        wording: prompts, and how replies are read.
        rewards: what each outcome earns.
        num_proposals: proposals of one episode; they are one group.
        num_samples: answers from which a problem's solve rate is estimated.
        solver_sampling: how those are sampled; None: as the policy is anyway.
        num_inputs: inputs that a proposer of code_f gives; half of the pairs are hidden.
        train_on_samples: those answers are trained on, as a group, beside the proposal.
        train_proposer: the proposal is trained on; False: it only feeds the pool.
        refuse_repeats: a proposal of the words of one of its references is invalid; False: it is
            merely asked to be different.
        avoid: tasks whose held-out problems nobody may propose. The pool refuses them anyway; here
            proposing them is invalid, so that a policy does not settle on them.
        keep_comments: programs keep comments and docstrings; without them a proposer cannot tell
            the solver anything in words.
        num_helpers: programs of others that a new program must call (composite functions).
        helper_prob: the chance that it must.
        bonuses: for being intricate and for being unlike others.
    """

    grader: Grader
    wording: Wording = field(default_factory=Fenced)
    rewards: RewardTable = RewardTable()
    num_proposals: int = 1
    num_samples: int = 8
    solver_sampling: Sampling | None = None
    num_inputs: int = 10
    train_on_samples: bool = True
    train_proposer: bool = True
    refuse_repeats: bool = True
    avoid: TaskSource | None = None
    keep_comments: bool = True
    num_helpers: int = 0
    helper_prob: float = 1.0
    bonuses: Bonuses = Bonuses()

    @property
    def makes_groups(self) -> bool:
        """Whether an episode holds rows to be compared with one another."""
        return self.train_on_samples or (self.train_proposer and self.num_proposals > 1)

    def __post_init__(self) -> None:
        least = {"num_proposals": 1, "num_samples": 1, "num_inputs": 2, "num_helpers": 0}
        problems = [
            f"{name} is {getattr(self, name)}; it must be at least {limit}"
            for name, limit in least.items()
            if getattr(self, name) < limit
        ]
        if not 0.0 <= self.helper_prob <= 1.0:
            problems.append(f"helper_prob is {self.helper_prob}; it must be in 0..1")
        if not self.train_proposer and not self.train_on_samples:
            problems.append(
                "train_proposer and train_on_samples are both false: a proposal's episode would "
                "have nothing to learn from; set one of them"
            )
        if problems:
            raise ConfigError(problems)

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode.

        Raises:
            EngineError: the policy cannot answer.
            SandboxError: the sandbox failed: nothing is known about the answer.
        """
        policy = models["policy"]
        if "propose" in task.info:
            return await self._propose(task, policy)
        problem = from_info(task.id, task.info)
        row, score = await self._solve(problem, policy, task.id)
        return Episode(task, (row,), metrics={"success": float(score == 1.0)})

    # --- solving ---------------------------------------------------------------------------------

    async def _solve(self, problem: Problem, model: Model, group: str) -> tuple[Trajectory, float]:
        """One answer, and its score; no answer counts as wrong."""
        chat = Chat(model, role=f"solver_{problem.kind}", group=group)
        reply = await chat.send(*self.wording.solve(problem))
        answer = self.wording.read_answer(problem.kind, reply)
        if answer is None:
            unformed = Reward(self.rewards.solver(None), {"correct": 0.0}, "not the form asked for")
            return chat.trajectory(unformed), 0.0
        grade = await self.grader.grade(problem, answer)
        value = self.rewards.solver(grade.score)
        return chat.trajectory(Reward(value, {"correct": grade.score}, grade.note)), grade.score

    # --- proposing -------------------------------------------------------------------------------

    async def _propose(self, task: Task, policy: Model) -> Episode:
        kind = self._kind(task)
        shown: list[dict[str, Any]] = list(task.info.get("references", ()))
        references = [from_info(each["id"], each["info"]) for each in shown]
        if kind == "code_f" and not references:
            raise EnvError(f"task {task.id!r}: a proposer of code_f needs a program to begin with")
        policies = [policy]
        if self.num_proposals > 1:
            policies = [policy.at("proposal", number) for number in range(self.num_proposals)]
        attempts = await asyncio.gather(
            *(self._attempt(task, kind, references, each) for each in policies)
        )
        return to_episode(task, attempts, _words, train_proposer=self.train_proposer)

    async def _attempt(
        self, task: Task, kind: Kind, references: Sequence[Problem], policy: Model
    ) -> Attempt:
        """One proposal, and what solving it shows."""
        helpers = self._helpers(task, kind, references)
        chat = Chat(policy.at("propose"), role=f"proposer_{kind}", group=task.id)
        prompt = self.wording.propose(kind, references, helpers, self.num_inputs)
        reply = await chat.send(*prompt)
        try:
            problem = await self._make(kind, reply, references, helpers)
        except Unfit as unfit:
            reward = Reward(self.rewards.proposer(None), note=f"{unfit!s:.200}")
            return Attempt(chat, reward, _funnel(unfit.stage))
        new_task = to_task(problem)
        rows, solve_rate = await self._try(problem, policy, new_task.id)
        reward = self._worth(problem, solve_rate, references)
        origin = Origin(
            score=min(max(reward.value, 0.0), 1.0),
            difficulty=1.0 - solve_rate,
            parents=tuple(each["id"] for each in task.info.get("references", ())),
            judge="sandbox",
        )
        metrics = _funnel(None) | {"solve_rate": solve_rate}
        return Attempt(chat, reward, metrics, with_origin(new_task, origin), rows)

    def _kind(self, task: Task) -> Kind:
        kind: Kind = task.info["propose"]
        if kind not in self.wording.kinds:
            raise ConfigError(
                f"task {task.id!r} asks for a problem of kind {kind!r}; "
                f"{type(self.wording).__name__} has words for {', '.join(self.wording.kinds)} "
                f"(of {', '.join(KINDS)})"
            )
        return kind

    def _helpers(self, task: Task, kind: Kind, references: Sequence[Problem]) -> list[str]:
        """Functions the new program must call: the same for every member of a group."""
        chance = derive_seed(task.id, "helpers") / 2**63
        if kind == "code_f" or not self.num_helpers or chance >= self.helper_prob:
            return []
        found: list[str] = []
        for reference in references:
            helper = as_helper(reference.program, len(found))
            if helper is not None and len(found) < self.num_helpers:
                found.append(helper)
        return found

    async def _make(
        self, kind: Kind, reply: str, references: Sequence[Problem], helpers: Sequence[str]
    ) -> Problem:
        """The problem that a reply proposes.

        Raises:
            Unfit: it does not pass.
        """
        said = self.wording.read_proposal(kind, reply)
        if said is None:
            raise Unfit("form", "the reply has not the form asked for")
        program, inputs = said.program, said.inputs
        if kind == "code_f":
            program = references[0].program
            _check_message(said.message, program)
            inputs = self._different(inputs)
        workshop = self.grader.workshop
        workshop.look_at(program)
        if helpers:
            program = put_together(helpers, program)
        if not self.keep_comments:
            program = without_comments(program)
        workshop.look_at(program)
        self._check_new(Problem(kind, program, inputs, (), said.message), references)
        ran = [await workshop.run(program, each, twice=True) for each in inputs]
        failed = [each.error for each in ran if each.error is not None]
        if failed and kind != "code_e":
            raise Unfit("runs", f"f raises {failed[0]}")
        outputs = [each.error or NO_ERROR if kind == "code_e" else each.shown for each in ran]
        if "" in outputs:
            raise Unfit("plain", "an empty output is no answer")
        arguments = tuple(each.arguments for each in ran)
        return Problem(kind, program, arguments, tuple(outputs), said.message)

    def _check_new(self, problem: Problem, references: Sequence[Problem]) -> None:
        """A proposal that its references hold already is not new."""
        given = tuple(self.grader.workshop.read_input(each)[2] for each in problem.inputs)
        own = similarity.digest(replace(problem, inputs=given).subject)
        known = {similarity.digest(reference.subject) for reference in references}
        if self.refuse_repeats and own in known:
            raise Unfit("new", "it repeats one of its references")
        if own in self._avoided:
            raise Unfit("new", "it is a problem of evaluation")

    @cached_property
    def _avoided(self) -> frozenset[str]:
        held_out = self.avoid.load().held_out if self.avoid else ()
        return frozenset(similarity.digest(subject(task)) for task in held_out)

    def _different(self, inputs: Sequence[str]) -> tuple[str, ...]:
        """The last inputs of code_f that are different, in the form that is always the same."""
        read = [self.grader.workshop.read_input(each)[2] for each in inputs]
        different = tuple(dict.fromkeys(read))[-self.num_inputs :]
        if len(different) < self.num_inputs:
            raise Unfit("input", f"{len(different)} different inputs of {self.num_inputs}")
        return different

    async def _try(
        self, problem: Problem, policy: Model, group: str
    ) -> tuple[tuple[Trajectory, ...], float]:
        """Solve a new problem ``num_samples`` times: the rows to train on, and the solve rate."""
        sampling = self.solver_sampling
        if sampling is not None:
            policy = replace(policy, sampling=replace(sampling, seed=policy.sampling.seed))
        tries = (
            self._solve(problem, policy.at("solve", i), group) for i in range(self.num_samples)
        )
        solved = await asyncio.gather(*tries)
        rows = tuple(row for row, _ in solved) if self.train_on_samples else ()
        return rows, fmean(score for _, score in solved)

    def _worth(self, problem: Problem, solve_rate: float, references: Sequence[Problem]) -> Reward:
        value = self.rewards.proposer(solve_rate)
        terms = self.bonuses.of(problem, references) if value > 0.0 else {}
        note = f"solve rate {solve_rate:g}"
        return Reward(value + sum(terms.values()), {"solve_rate": solve_rate, **terms}, note)


def _words(problem: Task) -> str:
    """What equal problems have in common."""
    return similarity.digest(subject(problem))


def _check_message(message: str, program: str) -> None:
    """A hint is no program: neither code blocks nor a line of the program it is about."""
    if len(message) > _MESSAGE_CHARS or "```" in message:
        raise Unfit("form", "the message is too long or holds a block of code")
    lines = (line.strip() for line in program.splitlines())
    if any(len(line) >= _LINE_CHARS and line in message for line in lines):
        raise Unfit("form", "the message repeats a line of the program")


def _funnel(failed_at: str | None) -> Metrics:
    """1 for each stage that a proposal passed, and whether it is valid."""
    passed = FUNNEL.index(failed_at) if failed_at else len(FUNNEL)
    stages = {f"funnel_{stage}": float(i < passed) for i, stage in enumerate(FUNNEL)}
    return stages | {"valid": float(failed_at is None)}
