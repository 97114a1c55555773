"""Judge: a language model says what a response is worth, on a rubric's scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Literal

from guerdon.errors import RewardError
from guerdon.rewards.judging import Case, Judging
from guerdon.rewards.rubric import Rubric, load_rubric
from guerdon.rewards.suspicion import signs
from guerdon.types import Models, Reward, Task

_REQUEST = "Judge the response by the criteria you were given."


@dataclass(frozen=True, kw_only=True)
class Judge(Judging):
    """The median of a judge's verdicts, from 0 (the lowest of the rubric's scale) to 1.

    The response stands between marks it cannot contain, and only what the judge writes in a tag of
    the same mark, or in JSON its server guarantees, is a verdict. ``task.answer`` is shown where
    the rubric wants it.

    | Case | Outcome |
    |---|---|
    | the response is empty, or nothing but unfinished thoughts | 0, and nobody is asked |
    | replies without a verdict, cut or declined, ``tries`` times; no reply | ``NoVerdict`` |
    | no reference, and the rubric requires one | ``RewardError`` |
    | signs that the response speaks to the judge, not to the user | ``suspicious`` |

    ``parts``: ``score`` on the rubric's scale, ``spread`` of the verdicts where there are several,
    ``suspicious`` and ``clipped`` (0 or 1). ``note``: the reason of a middle verdict, and signs.

    Args:
        rubric: what counts: a shipped one (quality, correctness, instruction_following,
            solvability, task_quality) or a YAML file.
        suspicious: ``judge`` such a response like any other; give it the ``lowest`` reward; or it
            is an ``error``.
        others: see `judging.Judging`.
    """

    rubric: str = "quality"
    suspicious: Literal["judge", "lowest", "error"] = "judge"

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.criteria  # an unknown rubric is a ConfigError now, not at the first response

    @cached_property
    def criteria(self) -> Rubric:
        """The rubric, read."""
        return load_rubric(self.rubric, "score")

    def case(self, task: Task, response: str) -> Case:
        """What the judges are asked about a response."""
        material = self.material(task, self.criteria, {"response": response})
        return Case(self.criteria, material, _REQUEST, self.criteria.scale)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Judge one response.

        Raises:
            NoVerdict: too few verdicts came; ``outcome`` says how the first one failed.
            RewardError: there is no reference, or the response is suspicious.
        """
        text = self.response_text(response)
        if not text:
            return Reward(0.0, note="nothing to judge: the response is empty")
        seen = signs(text)
        flags = {"suspicious": float(bool(seen)), "clipped": float(len(text) > self.max_chars)}
        about = f"signs: {', '.join(seen)}" if seen else ""
        if seen and self.suspicious == "error":
            raise RewardError(f"task {task.id!r}: the response speaks to its judge; {about}")
        if seen and self.suspicious == "lowest":
            return Reward(0.0, flags, about)
        found = await self.verdicts(self.case(task, text), models)
        scores = [verdict.value for verdict in found]
        middle = median(scores)
        parts = {"score": middle} | flags
        if len(scores) > 1:
            parts["spread"] = max(scores) - min(scores)
        reason = min(found, key=lambda verdict: abs(verdict.value - middle)).reason
        note = "\n".join(line for line in (reason, about) if line)
        return Reward(self.criteria.unit(middle), parts, note)
