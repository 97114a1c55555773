"""RandomWorkflows: random valid workflows as conversations for the warm-up.

A policy that imitates them knows how workflows are written, not which one a problem needs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from guerdon.envs.workflow.env import Workflow
from guerdon.errors import ConfigError
from guerdon.tasks import TaskPool, TaskSource
from guerdon.types import Message, Task, derive_seed
from guerdon.workflow import Task as Setting
from guerdon.workflow import check, parse_dsl, to_python
from guerdon.workflow.chains import All, Chain, Check, Repeat, Use, print_chain
from guerdon.workflow.kinds import BOOL

Conversation = tuple[Message, ...]

MAX_DRAWS = 10_000
"""Programs drawn before it is given up that one is valid."""


@dataclass(frozen=True, kw_only=True)
class RandomWorkflows:
    """Conversations in which the policy answers prompts of ``env`` with random valid workflows.

    Parts are drawn evenly among single calls, ensembles, checks and loops. Each operator that the
    task's domain has is asked for equally often, the others of a program are drawn evenly: what the
    policy hardly ever writes, it cannot learn to write. A program that lacks what was asked for, or
    about which the validator says anything, is drawn again.

    Args:
        env: the environment: its prompt, surface, operators and limits.
        tasks: its training tasks, never the held-out ones; domains come by their weights.
        num_conversations: how many; of each domain all tasks come before any again.
        max_parts: of a workflow: calls, ensembles, checks or loops one after the other.
        seed: decides everything.
    """

    env: Workflow
    tasks: TaskSource
    num_conversations: int = 512
    max_parts: int = 3
    seed: int = 0
    _fine: dict[tuple[str, Setting], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Whether nothing is wrong with a program, by its text."""

    def __post_init__(self) -> None:
        if self.num_conversations < 1 or self.max_parts < 1:
            raise ConfigError("RandomWorkflows: num_conversations and max_parts must be 1 or more")

    def load(self) -> list[Conversation]:
        """Draw them all."""
        sets = self.tasks.load(lambda messages: 0)
        pool = TaskPool(sets.train, weights=sets.weights, seed=derive_seed(self.seed, "tasks"))
        return [
            (*self.env.prompt(task), {"role": "assistant", "content": self._write(task, number)})
            for number, task in enumerate(pool.sample(self.num_conversations))
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
        words = _Words(
            all=[one.name for one in operators],
            checks=[o.name for o in operators if any(kind == BOOL for _, kind in o.outputs)],
            joins=[o.name for o in operators if any(p.kind.item is not None for p in o.inputs)],
            fixes=[o.name for o in operators if o.parameter("feedback") is not None],
        )
        wanted = draw.choice(words.all)
        for _ in range(MAX_DRAWS):
            parts = (_part(draw, words) for _ in range(draw.randint(1, self.max_parts)))
            text = print_chain(tuple(link for part in parts for link in part))
            if (text, setting) not in self._fine:
                found = check(text, catalog, setting)
                self._fine[text, setting] = found.is_valid and not found.findings
            if self._fine[text, setting] and wanted in re.findall(r"\w+", text):
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


@dataclass(frozen=True)
class _Words:
    """Operators a domain has: all, those that give a Bool, take a list, take feedback."""

    all: Sequence[str]
    checks: Sequence[str]
    joins: Sequence[str]
    fixes: Sequence[str]


def _part(draw: random.Random, words: _Words) -> Chain:
    """A call, calls at once and what joins them, a check with what to do about it, or a loop."""
    kind = draw.choice(["one", "several", "all", "check", "loop"])
    use = Use(draw.choice(words.all))
    if kind == "several" and words.joins:
        return Use(use.operator, num=draw.randint(3, 5)), Use(draw.choice(words.joins))
    if kind == "all" and words.joins:
        uses = tuple(Use(draw.choice(words.all)) for _ in range(draw.randint(2, 3)))
        return All(uses), Use(draw.choice(words.joins))
    if kind == "check" and words.checks:
        fix = Use(draw.choice(words.fixes)) if words.fixes and draw.random() < 0.5 else use
        return (Check(Use(draw.choice(words.checks)), (fix,), ()),)
    if kind == "loop":
        return (Repeat((use,), draw.randint(2, 3)),)
    return (use,)
