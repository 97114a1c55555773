"""General self-play: one policy invents questions and answers them, and a judge says what both were
worth.

    gen_general    propose a question, answer it n times, have question and answers judged:
                   reward = 0.5 q + 0.5 (1 - a), a the answers' mean score
    pred_general   answer a question of the pool: reward = the judge's score

Both roles are the same weights. A judgement that fails is missing: it is no reward, it enters no
mean, and a question without one does not join the pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any, ClassVar, Literal, TypeVar

from guerdon.chat import Chat
from guerdon.data.rows import content_id
from guerdon.envs.self_play.difficulty import Shape, worth
from guerdon.envs.self_play.wording import Wording
from guerdon.errors import ConfigError, RewardError, RolloutError
from guerdon.growth import Origin, subject, with_origin
from guerdon.similarity import digest
from guerdon.tasks import TaskSource
from guerdon.types import (
    Episode,
    Metrics,
    Model,
    Models,
    Reward,
    RewardFn,
    Sampling,
    Task,
    Trajectory,
)

T = TypeVar("T")

GEN, PRED = "gen_general", "pred_general"
DOMAIN = "general"
"""Of every question, given or invented."""


@dataclass(frozen=True)
class Marked:
    """An answer and what became of its judgement."""

    chat: Chat
    verdict: Reward | RolloutError
    """An error: the judgement is missing."""

    @property
    def is_missing(self) -> bool:
        return isinstance(self.verdict, RolloutError)


@dataclass(frozen=True, kw_only=True)
class ProposeSolve:
    """Plays both sides of general self-play; which one, the task says (`tasks.GeneralTasks`).

    A proposal earns ``quality_weight q + difficulty_weight d(a)``: q its judged quality, a the mean
    judged score of the answers, d by ``difficulty``. Below ``min_quality``, or with a below
    ``min_solved``, it earns 0. So does one that is malformed, too long, or that repeats a held-out
    task, which nobody then answers. With ``format_reward`` a reply in the wrong format earns
    ``format_penalty`` instead. An answer earns the judge's score, or with ``threshold`` only from
    there on, and ``below_threshold`` under it.

    The answers that measure a proposal's difficulty are answers to one question: a group of their
    own, and rows to train the solver on.

    Args:
        quality: scores a question, 0 to 1; the task it is given is what the proposer was asked.
        judge: scores an answer, 0 to 1; the task it is given is the question.
        n_samples: answers per proposal.
        answer_sampling: how these are sampled; None: as the policy is.
        train_answers: whether they are rows to train on.
        quality_weight, difficulty_weight: of a proposal's reward.
        difficulty: ``inverse`` 1 - a; ``one_minus`` the same, but 0 where a = 0; ``band`` 4 a (1 - a).
        min_quality, min_solved: from where on a proposal earns anything; 0: always.
        threshold: from where on an answer earns its score; None: always (the document).
        below_threshold: what it earns under that.
        format_reward: whether a wrong format is worse than a wrong answer.
        min_judged: share of a proposal's answers that must be judged for its difficulty to be known.
        max_missing: share of an episode's judgements that may fail; with more the episode failed.
        max_chars: a longer question is no question.
        held_out: tasks no proposal may repeat.
        wording: prompts and tags.
        success_at: score from which an answer is a success, in evaluation; None: not defined.
        task_type: ``azr.task_type``, for configurations that name it.
    """

    makes_groups: ClassVar[bool] = True

    quality: RewardFn
    judge: RewardFn
    n_samples: int = 3
    answer_sampling: Sampling | None = None
    train_answers: bool = True
    quality_weight: float = 0.5
    difficulty_weight: float = 0.5
    difficulty: Shape = "inverse"
    min_quality: float = 0.0
    min_solved: float = 0.0
    threshold: float | None = None
    below_threshold: float = -0.5
    format_reward: bool = False
    format_penalty: float = -1.0
    min_judged: float = 0.5
    max_missing: float = 0.5
    max_chars: int = 4000
    held_out: TaskSource | None = None
    wording: Wording = field(default_factory=Wording)
    success_at: float | None = 1.0
    task_type: Literal["general"] = "general"

    def __post_init__(self) -> None:
        shares = ("min_quality", "min_solved", "threshold", "min_judged", "max_missing")
        values = {name: getattr(self, name) for name in shares}
        problems = [
            f"ProposeSolve: {name}={value} must be in 0..1"
            for name, value in values.items()
            if value is not None and not 0.0 <= value <= 1.0
        ]
        problems += [
            f"ProposeSolve: {name}={getattr(self, name)} must be at least {least}"
            for name, least in {"n_samples": 1, "max_chars": 1}.items()
            if getattr(self, name) < least
        ]
        weights = self.quality_weight, self.difficulty_weight
        if min(weights) < 0 or sum(weights) <= 0:
            problems.append(
                f"ProposeSolve: quality_weight={weights[0]} and difficulty_weight={weights[1]} must"
                " not be negative, nor both 0"
            )
        if problems:
            raise ConfigError(problems)

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode: a proposal with its answers, or one answer.

        Raises:
            RewardError: too many judgements failed, or what the reward needs did.
            EngineError: the policy cannot answer.
        """
        if task.info.get("problem_type") == GEN:
            return await self._propose(task, models)
        return await self._solve(task, models)

    # --- pred_general -----------------------------------------------------------------------------

    async def _solve(self, task: Task, models: Models) -> Episode:
        marked = await self._answer(task, models["policy"], models)
        if isinstance(marked.verdict, RolloutError):
            raise marked.verdict
        score = marked.verdict.value
        metrics = {"score": score}
        if self.success_at is not None:
            metrics["success"] = float(score >= self.success_at)
        return Episode(task, (self._solver_row(marked),), metrics=metrics)

    async def _answer(self, task: Task, model: Model, models: Models) -> Marked:
        """Answer a question and have the answer judged; one without an answer scores 0."""
        chat = Chat(model, role="solver", group=task.id)
        answer = self.wording.answer_in(await chat.send(*self.wording.solver_prompt(task)))
        if answer is None:
            parts = {"format": 0.0}
            return Marked(chat, Reward(0.0, parts, note="no answer in the expected format"))
        return Marked(chat, await self._verdict(self.judge, task, answer, models))

    def _solver_row(self, marked: Marked) -> Trajectory:
        assert isinstance(marked.verdict, Reward)
        verdict = marked.verdict
        score = value = verdict.value
        if self.threshold is not None and score < self.threshold:
            value = self.below_threshold
        if self.format_reward and verdict.parts.get("format") == 0.0:
            value = self.format_penalty
        parts = {**verdict.parts, "score": score}
        return marked.chat.trajectory(Reward(value, parts, verdict.note))

    # --- gen_general ------------------------------------------------------------------------------

    async def _propose(self, task: Task, models: Models) -> Episode:
        policy = models["policy"]
        chat = Chat(policy.at("propose"), role="proposer", group=task.id)
        references = task.info.get("references", ())
        shown = [str(reference["subject"]) for reference in references]
        reply = await chat.send(*self.wording.proposer_prompt(shown))
        question, refusal = self._read(reply, cut=chat.turns[-1].finish_reason == "length")
        if question is None:
            malformed = self.format_reward and refusal != "contaminated"
            earned = Reward(self.format_penalty if malformed else 0.0, note=refusal)
            metrics = {"valid": 0.0, "contaminated": float(refusal == "contaminated")}
            return Episode(task, (chat.trajectory(earned),), metrics=metrics)
        invented = self._invent(question)
        asked = self.wording.judged(task)
        verdict, answers = await _together(
            self._verdict(self.quality, asked, question, models),
            self._answers(invented, policy, models),
        )
        self._check_missing(verdict, answers)
        parents = tuple(str(reference["id"]) for reference in references)
        return self._credit(task, chat, invented, parents, verdict, answers)

    def _read(self, reply: str, *, cut: bool) -> tuple[str | None, str]:
        """The question of a reply, or why there is none."""
        question = None if cut else self.wording.question_in(reply)
        if question is None:
            return None, "cut at its length limit" if cut else "no question in the expected format"
        if len(question) > self.max_chars:
            return None, f"a question of {len(question)} characters, over {self.max_chars}"
        if digest(question) in self._held_out:
            return None, "contaminated"
        return question, ""

    def _invent(self, question: str) -> Task:
        """A task of its own, the same whoever proposes it."""
        prompt = ({"role": "user", "content": question},)
        return Task(content_id(prompt, None), prompt, domain=DOMAIN)  # type: ignore[arg-type]

    async def _answers(self, task: Task, policy: Model, models: Models) -> list[Marked]:
        if self.answer_sampling is not None:
            sampling = replace(self.answer_sampling, seed=policy.sampling.seed)
            policy = replace(policy, sampling=sampling)
        tries = [
            self._answer(task, policy.at("answer", i), models) for i in range(self.n_samples)
        ]
        return await _together(*tries)

    def _check_missing(self, verdict: Reward | RolloutError, answers: Sequence[Marked]) -> None:
        """Raise if so many judgements failed that the episode did."""
        verdicts = [verdict, *(marked.verdict for marked in answers)]
        failures = [found for found in verdicts if isinstance(found, RolloutError)]
        if len(failures) > self.max_missing * len(verdicts):
            raise RewardError(
                f"{len(failures)} of {len(verdicts)} judgements of a proposal failed "
                f"(env.max_missing is {self.max_missing:g}); the first: {failures[0]}"
            ) from failures[0]

    def _credit(
        self,
        task: Task,
        chat: Chat,
        invented: Task,
        parents: tuple[str, ...],
        verdict: Reward | RolloutError,
        answers: Sequence[Marked],
    ) -> Episode:
        """Rows for what was judged, and the question as a new task if all of it was."""
        judged = [marked for marked in answers if not marked.is_missing]
        rows = [self._solver_row(marked) for marked in judged] if self.train_answers else []
        num_missing = len(answers) - len(judged) + isinstance(verdict, RolloutError)
        metrics = {"valid": 1.0, "contaminated": 0.0, "missing": num_missing / (1 + len(answers))}
        scores = [marked.verdict.value for marked in judged if isinstance(marked.verdict, Reward)]
        needed = max(1.0, self.min_judged * len(answers))
        if isinstance(verdict, RolloutError) or len(scores) < needed:
            return Episode(task, tuple(rows), metrics=metrics)
        solved = fmean(scores)
        earned = self._worth(verdict, solved)
        metrics |= {"quality": verdict.value, "difficulty": 1.0 - solved}
        origin = Origin(
            score=verdict.value,
            difficulty=1.0 - solved,
            parents=parents,
            judge=str(getattr(self.quality, "model", type(self.quality).__name__)),
        )
        return Episode(
            task,
            (chat.trajectory(earned), *rows),
            new_tasks=(with_origin(invented, origin),),
            metrics=metrics,
        )

    def _worth(self, verdict: Reward, solved: float) -> Reward:
        """What a proposal earns whose answers scored ``solved`` on average."""
        shaped = worth(solved, self.difficulty)
        value = self.quality_weight * verdict.value + self.difficulty_weight * shaped
        if verdict.value < self.min_quality or solved < self.min_solved:
            value = 0.0
        parts = {"quality": verdict.value, "difficulty": shaped, "solved": solved}
        return Reward(value, parts, verdict.note)

    # --- judging ----------------------------------------------------------------------------------

    async def _verdict(
        self, reward: RewardFn, task: Task, text: str, models: Models
    ) -> Reward | RolloutError:
        """What the judge says, or why it says nothing."""
        try:
            verdict = await reward(task, text, models)
            if not 0.0 <= verdict.value <= 1.0:
                raise RewardError(
                    f"{type(reward).__name__} gave {verdict.value}, and self-play needs a score in"
                    " 0..1: set the judge's scale"
                )
        except RolloutError as error:
            return error
        return verdict

    @cached_property
    def _held_out(self) -> frozenset[str]:
        tasks = self.held_out.load().held_out if self.held_out is not None else ()
        return frozenset(digest(subject(task)) for task in tasks)


async def _together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """All results in order; the first exception cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    return [one.result() for one in running]
