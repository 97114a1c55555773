"""Compare two responses, in both orders: `Pairwise`, and `Versus` as a reward."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Literal

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.judging import Case, Judging, all_of
from guerdon.rewards.rubric import Kind
from guerdon.rewards.sealed import visible
from guerdon.rewards.verdict import Choice, Verdict
from guerdon.types import Models, Reward, Task

Preference = Literal["1", "2", "tie"]

_REQUEST = "Say which of the two responses is better by the criteria you were given."


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was said of two responses. Verdicts name the first one "1" in whatever order they were
    shown."""

    in_order: Preference
    """With the first one shown first."""
    swapped: Preference | None = None
    """With the second one shown first; None: not asked."""
    reason: str = ""

    @property
    def winner(self) -> Preference:
        """Who wins in both orders; a judge that contradicts itself says tie."""
        return self.in_order if self.swapped in (None, self.in_order) else "tie"

    @property
    def is_flipped(self) -> bool:
        """Whether the order changed the verdict."""
        return self.swapped is not None and self.swapped != self.in_order

    @property
    def points(self) -> float:
        """Of the first: 1 for a win, 0.5 for a tie, 0 for a loss."""
        return {"1": 1.0, "tie": 0.5, "2": 0.0}[self.winner]


@dataclass(frozen=True, kw_only=True)
class Pairwise(Judging):
    """Which of two responses is better, or neither.

    Equal texts are a tie, and nobody is asked. Of several verdicts in one order the median counts.

    Args:
        rubric: what counts: ``pairwise`` or a YAML file of kind ``pair``.
        swap: ask in both orders; a verdict that changes with the order is a tie.
        ties: whether the judge may say that neither is better.
        others: see `judging.Judging`.
    """

    rubric: str = "pairwise"
    swap: bool = True
    ties: bool = True

    @property
    def kind(self) -> Kind:
        return "pair"

    async def compare(self, task: Task, first: str, second: str, models: Models) -> Comparison:
        """Compare two responses to a task.

        Raises:
            NoVerdict: a verdict is missing.
            RewardError: the rubric needs a reference, and there is none.
        """
        texts = self.response_text(first), self.response_text(second)
        if visible(texts[0]) == visible(texts[1]):
            same: Preference = "tie"
            return Comparison(same, same if self.swap else None, "the responses are the same")
        orders = [texts, texts[::-1]] if self.swap else [texts]
        found = await all_of(self.verdicts(self._case(task, *order), models) for order in orders)
        swapped = _preference(found[1], is_swapped=True) if self.swap else None
        return Comparison(_preference(found[0]), swapped, found[0][0].reason)

    def _case(self, task: Task, shown_first: str, shown_second: str) -> Case:
        responses = {"response_1": shown_first, "response_2": shown_second}
        return self.case(task, responses, _REQUEST, Choice(self.ties))


@dataclass(frozen=True, kw_only=True)
class Versus(Pairwise):
    """1 if the response beats another one, 0.5 for a tie, 0 if it loses.

    An order that changes the verdict is a tie. ``parts``: ``flipped`` (0 or 1).

    Args:
        against: where the other response is: ``answer`` (``task.answer``, which is then not shown
            as a reference), or a key of ``task.info``.
        others: see `Pairwise`.
    """

    against: str = "answer"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.against == "answer" and self.criteria.reference == "required":
            raise ConfigError(
                f"Versus: rubric {self.rubric!r} requires a reference, and task.answer is the "
                f"opponent; name another opponent with against"
            )

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Compare one response with the task's other one.

        Raises:
            RewardError: there is no other one, or no verdict.
        """
        other = task.answer if self.against == "answer" else task.info.get(self.against)
        if not isinstance(other, str) or not other.strip():
            raise RewardError(f"task {task.id!r} has no {self.against} to compare with")
        if not self.response_text(response):
            return Reward(0.0, note="nothing to judge: the response is empty")
        asked = Task(task.id, task.prompt) if self.against == "answer" else task
        found = await self.compare(asked, response, other, models)
        return Reward(found.points, {"flipped": float(found.is_flipped)}, found.reason)


def _preference(verdicts: list[Verdict], *, is_swapped: bool = False) -> Preference:
    middle = median(verdict.value for verdict in verdicts)
    if middle == 0.5:
        return "tie"
    return "1" if (middle > 0.5) != is_swapped else "2"
