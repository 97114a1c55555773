"""DatasetScore: each public data set scored by its own published formula."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.code_check import CodeCheck
from guerdon.rewards.math import Math
from guerdon.rewards.published import gsm8k_score, math_answer, same_text_or_number
from guerdon.rewards.qa import QA
from guerdon.sandbox import Sandbox
from guerdon.types import Models, Reward, Task


@dataclass(frozen=True, kw_only=True)
class DatasetScore:
    r"""The score of an output by the formula of ``task.info["dataset"]``, in [0, 1].

    | Data set | Score |
    |---|---|
    | gsm8k | 1 if the last number is the reference's, to 1e-6 |
    | math | 1 if the last ``\boxed{}``, else the last sentence, is the reference (see below) |
    | squad | F1 with the best reference; 1 for saying that there is no answer where there is none |
    | hotpotqa | F1 with the reference |
    | drop | F1 of the best pair of a reference and a part of the output, parts separated by a bar |
    | humaneval, mbpp | 1 if every assertion holds |

    Answers of MATH are compared as texts, then as numbers to 1e-3, then as expressions.

    Args:
        sandbox: where programs run; needed for humaneval and mbpp.
        hidden: of programs, leave out the tests that a workflow could see: for training. The
            published score runs all of them.
        partial: of programs, the share of assertions that hold: for training.
        math: compares expressions.
    """

    sandbox: Sandbox | None = None
    hidden: bool = False
    partial: bool = False
    math: Math = Math(unreadable="text")

    def __post_init__(self) -> None:
        if self.math.unreadable != "text":
            raise ConfigError("DatasetScore: math must have unreadable=text: some references of "
                              "MATH are words")  # fmt: skip

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one output; ``models`` is not used.

        Raises:
            RewardError: the task is of no data set above, or lacks what its formula needs.
            SandboxError: the sandbox failed.
        """
        match task.info.get("dataset"):
            case "gsm8k":
                return Reward(gsm8k_score(_reference(task), response))
            case "math":
                return await self._math(task, response, models)
            case "squad" | "hotpotqa":
                return await QA(style="squad")(task, response, models)
            case "drop":
                return await _drop(task, response, models)
            case "humaneval" | "mbpp":
                return await self._code(task, response, models)
        raise RewardError(
            f"task {task.id!r} has info.dataset {task.info.get('dataset')!r}, which has no "
            f"published score"
        )

    async def _math(self, task: Task, response: str, models: Models) -> Reward:
        reference = _reference(task)
        gold = math_answer(reference) if "\\boxed" in reference else reference
        answer = math_answer(response)
        same = same_text_or_number(gold, answer)
        if same is not None:
            return Reward(float(same), note=f"answer: {answer[:100]}")
        if not answer:
            return Reward(0.0, note="no answer")
        boxed = f"\\boxed{{{answer}}}"
        return await self.math(replace(task, answer=gold), boxed, models)

    async def _code(self, task: Task, response: str, models: Models) -> Reward:
        if self._check is None:
            raise ConfigError("DatasetScore: humaneval and mbpp need a sandbox")
        return await self._check(task, response, models)

    @cached_property
    def _check(self) -> CodeCheck | None:
        if self.sandbox is None:
            return None
        key = "hidden_check" if self.hidden else "check"
        return CodeCheck(sandbox=self.sandbox, check_key=key, partial=self.partial)


def _reference(task: Task) -> str:
    if task.answer is None or not task.answer.strip():
        raise RewardError(f"task {task.id!r} has no reference answer")
    return task.answer


async def _drop(task: Task, response: str, models: Models) -> Reward:
    """The best part of the output counts."""
    score = QA(style="squad", separator="|")
    parts = [await score(task, part, models) for part in response.split("|")]
    return max(parts, key=lambda reward: reward.value)
