"""What the policy is told: the operators there are, how to write a workflow, and the problem."""

from __future__ import annotations

from typing import Literal

from guerdon.types import Message, Task
from guerdon.workflow import Catalog, Limits

Surface = Literal["python", "dsl"]
Listing = Literal["full", "names"]

_SYSTEM = """\
You write agent workflows. A workflow is a small program that solves one problem by calling \
operators; an operator asks a model or runs code, and what it returns can be used by the next. \
Write the workflow that this problem needs: one call where one is enough, several tries and an \
ensemble where answers vary, a review with a revision where a mistake can be seen, tests where \
there are some. Calls cost money: use no more than pay, and {max_calls} at most.

Operators:
{operators}

{form}"""

_PYTHON = """\
Reply with one fenced block of Python in this shape:

```python
from scripts.async_llm import create_llm_instance
from scripts.operators import {operator}

TASK_PROMPT = "What every operator should know; it is put before the problem."


class Workflow:
    def __init__(self, name, llm_config, dataset):
        self.llm = create_llm_instance(llm_config)
        self.{attribute} = {operator}(self.llm)

    async def __call__(self, {parameters}):
        first = await self.{attribute}({arguments})
        return first["{output}"], self.llm.get_usage_summary()["total_cost"]
```

Import and create every operator you use, await every call and give its arguments by name. You may \
use assignments, if, for over range(n) or a list, break, f-strings, lists, comprehensions and \
asyncio.gather over calls. Every path ends with return of an answer that an operator made. \
TASK_PROMPT may be left out. Nothing else of Python is understood."""

_DSL = """\
Reply with the workflow alone, as operators joined by arrows:

A -> B                  B works on what A made
A(instruction="...")    an argument; those not given come from the step before or are the problem
A*3 -> ScEnsemble       three tries at once, then the one that most agree with
[A, B] -> ScEnsemble    different operators at once
Review ? Revise : done  if the review (or Test) fails, revise; otherwise nothing more
(A -> B)*2              a loop; stop leaves it

A first line task "..." puts a text before the problem."""


def policy_prompt(
    task: Task,
    catalog: Catalog,
    limits: Limits,
    *,
    has_tests: bool,
    surface: Surface,
    listing: Listing,
) -> tuple[Message, ...]:
    """The messages a policy writes a workflow from; the last one is the problem with its context.

    Args:
        listing: names: only what the operators are called, for policies that know the rest.
    """
    system = _names(task, catalog, has_tests)
    if listing == "full":
        system = _SYSTEM.format(
            max_calls=limits.max_calls,
            operators=catalog.describe(task.domain, has_tests=has_tests),
            form=_DSL if surface == "dsl" else _python_form(task, catalog),
        )
    return {"role": "system", "content": system}, {"role": "user", "content": problem_of(task)}


def problem_of(task: Task) -> str:
    """The problem with its context, as policy and executor see it: all the user says."""
    said = [message["content"] for message in task.prompt if message["role"] == "user"]
    return "\n\n".join(said)


def _names(task: Task, catalog: Catalog, has_tests: bool) -> str:
    return " ".join(
        one.name
        for one in catalog.operators.values()
        if task.domain in one.domains and (has_tests or not one.needs_tests)
    )


def _python_form(task: Task, catalog: Catalog) -> str:
    """The shape, with the first operator of the domain that the workflow's inputs are enough for;
    for code that is one which writes code."""
    given = catalog.parameters(task.domain)
    usable = [
        one
        for one in catalog.operators.values()
        if task.domain in one.domains
        and all(p.default is not None or p.name in (*given, "input") for p in one.inputs)
    ]
    own = [one for one in usable if one.domains == {task.domain}]
    operator = (own or usable)[0]
    needed = [one.name for one in operator.inputs if one.default is None]
    arguments = [f"{name}={'problem' if name == 'input' else name}" for name in needed]
    return _PYTHON.format(
        operator=operator.name,
        attribute=operator.attribute,
        parameters=", ".join(given),
        arguments=", ".join(arguments),
        output=operator.outputs[-1][0],
    )
