"""RandomWorkflows: random valid workflows as conversations for the warm-up.

A policy that imitates them knows how workflows are written, not which one a problem needs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from guerdon.envs.workflow.env import Workflow
from guerdon.errors import ConfigError
from guerdon.tasks import TaskSource
from guerdon.types import Message, Task, derive_seed
from guerdon.workflow import check, parse_dsl, to_python
from guerdon.workflow.chains import All, Chain, Check, Link, Repeat, Use, print_chain
from guerdon.workflow.kinds import BOOL

Conversation = tuple[Message, ...]

MAX_DRAWS = 10_000
"""Programs drawn before it is given up that one is valid."""


@dataclass(frozen=True, kw_only=True)
class RandomWorkflows:
    """Conversations in which the policy answers prompts of ``env`` with random valid workflows.

    Links are drawn evenly among single calls, several at once, checks and loops, operators evenly
    among those the task's domain has; what the validator refuses is drawn again.

    Args:
        env: the environment: its prompt, surface, operators and limits.
        tasks: its training tasks, never the held-out ones.
        num_conversations: how many; tasks come in random order, all of them before any again.
        max_links: steps of a workflow, those inside others not counted.
        seed: decides everything.
    """

    env: Workflow
    tasks: TaskSource
    num_conversations: int = 512
    max_links: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_conversations < 1 or self.max_links < 1:
            raise ConfigError("RandomWorkflows: num_conversations and max_links must be 1 or more")

    def load(self) -> list[Conversation]:
        """Draw them all."""
        train = self.tasks.load(lambda messages: 0).train
        draw = random.Random(derive_seed(self.seed, "tasks"))
        order: list[Task] = []
        while len(order) < self.num_conversations:
            order += draw.sample(train, len(train))
        return [
            (*self.env.prompt(task), {"role": "assistant", "content": self._write(task, number)})
            for number, task in enumerate(order[: self.num_conversations])
        ]

    def _write(self, task: Task, number: int) -> str:
        """A valid workflow for a task, in the surface of the environment."""
        draw = random.Random(derive_seed(self.seed, "program", number))
        setting, catalog = self.env.setting(task), self.env.catalog
        operators = [
            one
            for one in catalog.operators.values()
            if task.domain in one.domains and (setting.has_tests or not one.needs_tests)
        ]
        names = [one.name for one in operators]
        checks = [one.name for one in operators if any(kind == BOOL for _, kind in one.outputs)]
        for _ in range(MAX_DRAWS):
            text = print_chain(_chain(draw, names, checks, draw.randint(1, self.max_links)))
            if check(text, catalog, setting).is_valid:
                break
        else:
            raise ConfigError(
                f"RandomWorkflows: none of {MAX_DRAWS} random workflows for {task.domain} is valid;"
                f" allow more in env.limits"
            )
        if self.env.surface == "dsl":
            return text
        program = parse_dsl(text, catalog).program
        assert program is not None  # it was just checked
        return f"```python\n{to_python(program, catalog)}```"


def _chain(
    draw: random.Random, names: Sequence[str], checks: Sequence[str], num_links: int
) -> Chain:
    return tuple(_link(draw, names, checks) for _ in range(num_links))


def _link(draw: random.Random, names: Sequence[str], checks: Sequence[str]) -> Link:
    kind = draw.choice(["one", "one", "several", "all", "check", "loop"])
    use = Use(draw.choice(names))
    if kind == "several":
        return Use(use.operator, num=draw.randint(2, 5))
    if kind == "all":
        return All(tuple(Use(draw.choice(names)) for _ in range(draw.randint(2, 3))))
    if kind == "check" and checks:
        return Check(Use(draw.choice(checks)), (use,), ())
    if kind == "loop":
        return Repeat((use,), draw.randint(2, 3))
    return use
