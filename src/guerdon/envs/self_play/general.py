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
from statistics import fmean
from typing import Any, Literal, TypeVar

from guerdon.chat import Chat
from guerdon.data.rows import content_id
from guerdon.envs.self_play.attempts import Attempt, to_episode
from guerdon.envs.self_play.difficulty import Shape, difficulty_reward
from guerdon.envs.self_play.wording import Wording
from guerdon.errors import ConfigError, RewardError, RolloutError
from guerdon.tasks.origin import Origin, with_origin
from guerdon.types import (
    Episode,
    Message,
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
class Answer:
    """What a solver said."""

    chat: Chat
    text: str | None
    """None: nothing in the expected format."""


@dataclass(frozen=True, kw_only=True)
class ProposeSolve:
    """Plays both sides of general self-play; which one, the task says (`general_tasks`).

    A proposal earns ``quality_weight q + difficulty_weight d(a)``: q its judged quality, a the mean
    judged score of ``num_samples`` answers. It earns 0, and nobody's answer is judged, if it is
    malformed, too long or of a quality below ``min_quality``; and 0 if a is below ``min_solved``.
    An answer earns the judge's score; with a ``threshold`` only from there on, and
    ``below_threshold`` under it. With ``format_reward`` a malformed reply of either role earns
    ``format_penalty`` instead. Equal proposals of one episode share what one of them earns, which
    keeps a proposer from asking the same thing for ever.

    The answers that measure a proposal's difficulty are answers to one question: a group of their
    own, and rows to train the solver on.

    | A judgement that fails | Outcome |
    |---|---|
    | of the one answer of pred_general | ``RewardError`` |
    | of one of the answers to a proposal | it enters neither mean nor batch |
    | of a proposal's quality, or of more than 1 - ``min_judged`` of its answers | no proposal |
    | of more than 1 - ``min_judged`` of an episode's proposals | ``RewardError`` |

    Args:
        quality: scores a question, 0 to 1; the task it is given is what the proposer was asked.
        judge: scores an answer, 0 to 1; the task it is given is the question.
        num_proposals: proposals of one episode; they are one group.
        num_samples: answers per proposal.
        solver_sampling: how these are sampled; None: as the policy is.
        train_on_samples: whether they are rows to train on.
        quality_weight, difficulty_weight: of a proposal's reward.
        difficulty, ends: how d follows from a: see `difficulty.difficulty_reward`. ``inverse`` is
            1 - a, the document's.
        min_quality, min_solved: from where on a proposal earns anything; 0: always.
        threshold: from where on an answer earns its score; None: always (the document).
        below_threshold: what it earns under that.
        format_reward: whether a wrong format is worse than a wrong answer.
        min_judged: share of a proposal's answers, and of an episode's proposals, that must be
            judged.
        max_chars: a longer question is no question.
        wording: prompts and tags.
        success_at: score from which an answer is a success, in evaluation; None: not defined.
        task_type: ``azr.task_type``, for configurations that name it.
    """

    quality: RewardFn
    judge: RewardFn
    num_proposals: int = 1
    num_samples: int = 3
    solver_sampling: Sampling | None = None
    train_on_samples: bool = True
    quality_weight: float = 0.5
    difficulty_weight: float = 0.5
    difficulty: Shape = "inverse"
    ends: float = 0.0
    min_quality: float = 0.0
    min_solved: float = 0.0
    threshold: float | None = None
    below_threshold: float = -0.5
    format_reward: bool = False
    format_penalty: float = -1.0
    min_judged: float = 0.5
    max_chars: int = 4000
    wording: Wording = field(default_factory=Wording)
    success_at: float | None = 1.0
    task_type: Literal["general"] = "general"

    def __post_init__(self) -> None:
        shares = ("min_quality", "min_solved", "threshold", "min_judged")
        values = {name: getattr(self, name) for name in shares}
        problems = [
            f"ProposeSolve: {name}={value} must be in 0..1"
            for name, value in values.items()
            if value is not None and not 0.0 <= value <= 1.0
        ]
        problems += [
            f"ProposeSolve: {name}={getattr(self, name)} must be at least 1"
            for name in ("num_proposals", "num_samples", "max_chars")
            if getattr(self, name) < 1
        ]
        weights = self.quality_weight, self.difficulty_weight
        if min(weights) < 0 or sum(weights) <= 0:
            problems.append(
                f"ProposeSolve: quality_weight={weights[0]} and difficulty_weight={weights[1]} must"
                " not be negative, nor both 0"
            )
        if problems:
            raise ConfigError(problems)

    @property
    def makes_groups(self) -> bool:
        """Whether an episode holds rows to be compared with one another."""
        return self.train_on_samples or self.num_proposals > 1

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode: a proposal with its answers, or one answer.

        Raises:
            RewardError: a judgement that the reward needs failed.
            EngineError: the policy cannot answer.
        """
        if task.info.get("problem_type") == GEN:
            return await self._propose(task, models)
        return await self._solve(task, models)

    # --- pred_general -----------------------------------------------------------------------------

    async def _solve(self, task: Task, models: Models) -> Episode:
        answer = await self._answer(task, models["policy"])
        verdict = await self._mark(task, answer, models)
        metrics = {"score": verdict.value}
        if self.success_at is not None:
            metrics["success"] = float(verdict.value >= self.success_at)
        return Episode(task, (self._solver_row(answer, verdict),), metrics=metrics)

    async def _answer(self, task: Task, model: Model) -> Answer:
        chat = Chat(model, role="solver", group=task.id)
        reply = await chat.send(*self.wording.solver_prompt(task))
        return Answer(chat, self.wording.answer_in(reply))

    async def _mark(self, task: Task, answer: Answer, models: Models) -> Reward:
        """The judge's score; an answer that is none scores 0, and nobody is asked."""
        if answer.text is None:
            return Reward(0.0, note="no answer in the expected format")
        return await _verdict(self.judge, task, answer.text, models)

    def _solver_row(self, answer: Answer, verdict: Reward) -> Trajectory:
        score = value = verdict.value
        if self.threshold is not None and score < self.threshold:
            value = self.below_threshold
        if self.format_reward and answer.text is None:
            value = self.format_penalty
        return answer.chat.trajectory(Reward(value, {"score": score}, verdict.note))

    # --- gen_general ------------------------------------------------------------------------------

    async def _propose(self, task: Task, models: Models) -> Episode:
        tries = [self._proposal(task, models, number) for number in range(self.num_proposals)]
        proposals = _kept(
            await asyncio.gather(*tries, return_exceptions=True), self.min_judged, "proposals"
        )
        return to_episode(task, proposals, lambda question: question.id)

    async def _proposal(self, task: Task, models: Models, number: int) -> Attempt:
        references = task.info.get("references", ())
        policy = models["policy"].at("propose", number)
        chat = Chat(policy, role="proposer", group=task.id)
        shown = [str(reference["subject"]) for reference in references]
        reply = await chat.send(*self.wording.proposer_prompt(shown))
        question, refusal = self._read(reply, cut=chat.turns[-1].finish_reason == "length")
        if question is None:
            malformed = self.format_penalty if self.format_reward else 0.0
            return Attempt(chat, Reward(malformed, note=refusal), {"valid": 0.0})
        invented = _task(question)
        verdict, answers = await _together(
            _verdict(self.quality, self.wording.as_asked(task), question, models),
            self._answers(invented, policy),
        )
        metrics = {"valid": 1.0, "quality": verdict.value}
        if verdict.value < self.min_quality:
            parts = {"quality": verdict.value}
            return Attempt(chat, Reward(0.0, parts, verdict.note), metrics)
        marked = await self._marked(invented, answers, models)
        solved = fmean(mark.value for _, mark in marked)
        rows = tuple(self._solver_row(*one) for one in marked) if self.train_on_samples else ()
        origin = Origin(
            score=verdict.value,
            difficulty=1.0 - solved,
            parents=tuple(str(reference["id"]) for reference in references),
            judge=str(getattr(self.quality, "model", type(self.quality).__name__)),
        )
        metrics |= {"difficulty": 1.0 - solved, "missing": 1.0 - len(marked) / len(answers)}
        worth = self._worth(verdict, solved)
        return Attempt(chat, worth, metrics, with_origin(invented, origin), rows)

    def _read(self, reply: str, *, cut: bool) -> tuple[str | None, str]:
        """The question of a reply, or why there is none."""
        question = None if cut else self.wording.question_in(reply)
        if question is None:
            return None, "cut at its length limit" if cut else "no question in the expected format"
        if len(question) > self.max_chars:
            return None, f"a question of {len(question)} characters, over {self.max_chars}"
        return question, ""

    async def _answers(self, task: Task, solver: Model) -> list[Answer]:
        """All at once; they wait for nobody's verdict, so that what is sampled beside what depends
        on no network."""
        if self.solver_sampling is not None:
            sampling = replace(self.solver_sampling, seed=solver.sampling.seed)
            solver = replace(solver, sampling=sampling)
        tries = [self._answer(task, solver.at("answer", i)) for i in range(self.num_samples)]
        return await _together(*tries)

    async def _marked(
        self, task: Task, answers: Sequence[Answer], models: Models
    ) -> list[tuple[Answer, Reward]]:
        """The answers whose judgement did not fail, and what it was.

        Raises:
            RewardError: too many failed for a difficulty to be known.
        """

        async def mark(answer: Answer) -> tuple[Answer, Reward]:
            return answer, await self._mark(task, answer, models)

        found = await asyncio.gather(*map(mark, answers), return_exceptions=True)
        return _kept(found, self.min_judged, "answers to a proposal")

    def _worth(self, verdict: Reward, solved: float) -> Reward:
        """What a proposal earns whose answers scored ``solved`` on average."""
        shaped = difficulty_reward(solved, self.difficulty, self.ends)
        value = self.quality_weight * verdict.value + self.difficulty_weight * shaped
        parts = {"quality": verdict.value, "difficulty": shaped, "solved": solved}
        return Reward(value if solved >= self.min_solved else 0.0, parts, verdict.note)


def _task(question: str) -> Task:
    """A task of its own, the same whoever proposes it."""
    prompt: Message = {"role": "user", "content": question}
    return Task(content_id((prompt,), None), (prompt,), domain=DOMAIN)


async def _verdict(reward: RewardFn, task: Task, text: str, models: Models) -> Reward:
    """What the judge says.

    Raises:
        RewardError: it is no score from 0 to 1.
    """
    verdict = await reward(task, text, models)
    if not 0.0 <= verdict.value <= 1.0:
        raise RewardError(
            f"{type(reward).__name__} gave {verdict.value}, and self-play needs a score in 0..1: "
            "set its scale"
        )
    return verdict


def _kept(found: Sequence[T | BaseException], least: float, what: str) -> list[T]:
    """What did not fail.

    Raises:
        RewardError: less than the share ``least`` is left, or nothing; names the first cause.
        BaseException: the first that is no ``RolloutError``.
    """
    failures = [one for one in found if isinstance(one, BaseException)]
    for failure in failures:
        if not isinstance(failure, RolloutError):
            raise failure
    if len(found) - len(failures) < max(1.0, least * len(found)):
        raise RewardError(
            f"{len(failures)} of {len(found)} {what} could not be judged (env.min_judged is "
            f"{least:g}); the first: {failures[0]}"
        ) from failures[0]
    return [one for one in found if not isinstance(one, BaseException)]


async def _together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """All results in order; the first exception cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    return [one.result() for one in running]
