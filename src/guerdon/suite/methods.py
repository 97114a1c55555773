"""Fixed workflows to compare with, written in our workflow language; and the environment that plays
one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guerdon.envs.workflow.env import Workflow
from guerdon.types import Episode, Models, Task

_STEPS = "Think step by step. Write down your reasoning first, then"
_BOX = "put the final answer in \\\\boxed{}."
_SHORT = "give the answer alone on the last line, as short as possible."
_CODE = "write the function in one fenced block of Python."

Programs = Mapping[str, str]
"""Domain -> workflow."""

BASELINES: dict[str, Programs] = {
    "one call": {
        "math": "Custom",
        "qa": "Custom",
        "code": "CustomCodeGenerate",
    },
    "chain of thought": {
        "math": f'Custom(instruction="{_STEPS} {_BOX}\\n\\n")',
        "qa": "AnswerGenerate",
        "code": f'CustomCodeGenerate(instruction="{_STEPS} {_CODE}\\n")',
    },
    "self-consistency of 5": {
        "math": f'Custom(instruction="{_STEPS} {_BOX}\\n\\n")*5 -> ScEnsemble',
        "qa": "AnswerGenerate*5 -> ScEnsemble",
        "code": f'CustomCodeGenerate(instruction="{_STEPS} {_CODE}\\n")*5 -> ScEnsemble',
    },
}
"""Name -> workflow of each domain."""

CANDIDATES: dict[str, dict[str, str]] = {
    "math": {
        "three and an ensemble": "Custom*3 -> ScEnsemble",
        "review and revise": "Custom -> Review ? Revise : done",
        "program": "Programmer",
        "ensemble, then review": "Custom*3 -> ScEnsemble -> Review ? Revise : done",
    },
    "qa": {
        "three and an ensemble": "AnswerGenerate*3 -> ScEnsemble",
        "review and revise": "AnswerGenerate -> Review ? Revise : done",
        "custom, review and revise": "Custom -> Review ? Revise : done",
    },
    "code": {
        "test": "CustomCodeGenerate -> Test",
        "three, an ensemble, test": "CustomCodeGenerate*3 -> ScEnsemble -> Test",
        "review and revise": "CustomCodeGenerate -> Review ? Revise : done",
    },
}
"""What else may be the best fixed workflow of a domain, besides the baselines."""


@dataclass(frozen=True)
class FixedWorkflow:
    """An environment without a policy: the same workflow for every task of a domain.

    Where the task has no public tests, and the workflow asks for some, ``fallback`` is played.
    """

    env: Workflow
    programs: Programs
    fallback: Programs

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one task.

        Raises:
            RolloutError: the executor, the sandbox or the score failed.
        """
        program = self.programs[task.domain]
        if "Test" in program and not task.info.get("public_tests"):
            program = self.fallback[task.domain]
        played = await self.env.play(task, program, models)
        return Episode(task, metrics=played.metrics)
