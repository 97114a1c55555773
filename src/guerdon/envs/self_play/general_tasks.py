"""What a run of general self-play deals: questions to answer, and calls to propose one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from guerdon.envs.self_play.general import DOMAIN, GEN, PRED
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, TaskSets, TaskSource
from guerdon.types import Task

ProblemType = Literal["general", "gen_general", "pred_general"]


@dataclass(frozen=True, kw_only=True)
class GeneralTasks:
    """Seed questions, and beside them the calls for a new one.

    Questions are one domain, ``general``, whatever they are about (``info["source"]`` says), so
    that invented ones join them; calls are the domain ``gen_general``.

    Args:
        seeds: where the first questions come from; its held-out tasks are the evaluation's.
        problem_types: which roles are played; ``general`` is both (the document). Calls without
            questions to answer are refused: nobody would be asked what was invented.
        propose_frac: share of calls among the tasks of a step, where both roles are played.
        num_references: questions of the pool that a proposer is shown; 0: none.
    """

    seeds: TaskSource
    problem_types: Sequence[ProblemType] = ("general",)
    propose_frac: float = 0.5
    num_references: int = 0

    def __post_init__(self) -> None:
        problems = []
        if not {"general", PRED} & set(self.problem_types):
            problems.append(
                f"GeneralTasks: problem_types={list(self.problem_types)} answers no question of the"
                " pool: say general, or add pred_general"
            )
        if not 0.0 < self.propose_frac < 1.0:
            problems.append(
                f"GeneralTasks: propose_frac={self.propose_frac} must be between 0 and 1; to play"
                " one role alone, set problem_types"
            )
        if self.num_references < 0:
            problems.append(f"GeneralTasks: num_references={self.num_references} is below 0")
        if problems:
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """What is wrong with the seeds."""
        check = getattr(self.seeds, "problems", None)
        return [f"seeds: {line}" for line in check()] if check else []

    def baselines(self) -> dict[str, float]:
        """Success of simple answerers on the held-out questions, where the seeds know any."""
        found = getattr(self.seeds, "baselines", None)
        return found() if found else {}

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Read the seeds and put the calls beside them.

        Raises:
            ConfigError: the seeds cannot be read, or have no training task.
        """
        sets = self.seeds.load(count_tokens)
        questions = tuple(_question(task) for task in sets.train)
        held_out = tuple(_question(task) for task in sets.held_out)
        if not questions:
            raise ConfigError("GeneralTasks: the seeds have no training task")
        if set(self.problem_types) == {PRED}:
            return replace(sets, train=questions, held_out=held_out, weights=None)
        weights = {GEN: self.propose_frac, DOMAIN: 1.0 - self.propose_frac}
        return replace(sets, train=(*questions, self._call()), held_out=held_out, weights=weights)

    def _call(self) -> Task:
        info: dict[str, object] = {"problem_type": GEN}
        if self.num_references:
            info["wants_references"] = {"domains": [DOMAIN], "num": self.num_references}
        return Task(GEN, (), domain=GEN, info=info)


def _question(task: Task) -> Task:
    info = {"source": task.domain, **task.info, "problem_type": PRED}
    return replace(task, domain=DOMAIN, info=info)
