"""What proposer and solver are told, and how their replies are read.

Pure text: prompts of our own, and parsers that look at the reply alone, so nothing a policy writes
can reach the prompt it was given or the words around its question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from guerdon.errors import ConfigError
from guerdon.types import Message, Task

PROPOSE = """\
Invent one problem that tests careful reasoning.

It must stand on its own: all that is needed to answer it is in its text. It must have an answer \
that an expert could check. It should take several steps, and depend neither on the news nor on \
rare facts. Choose freely: mathematics, logic, planning under constraints, reading or writing \
code, writing under exact rules.

Think first if you like. Then write the problem, and nothing of its solution, between <question> \
and </question>."""

REFERENCES = """\


Here are problems that exist already. Yours must be a new one, not one of these reworded."""

SOLVE = """\
{question}

Answer completely and correctly. Show the steps that matter, and end with the answer."""

_THOUGHT = re.compile(r"^.*</think>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of general self-play.

    Args:
        propose: what the proposer is told.
        references: what introduces the questions it is shown, each in tags of its own; without any,
            nothing.
        solve: what the solver is told around a task's last message; ``{question}`` stands for it.
        question_tag: the tag a proposal stands in; None: the whole reply is the question.
        answer_tag: the tag an answer stands in; None: the whole reply is the answer. The solver
            must be told of it in ``solve``.
    """

    propose: str = PROPOSE
    references: str = REFERENCES
    solve: str = SOLVE
    question_tag: str | None = "question"
    answer_tag: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if (count := self.solve.count("{question}")) != 1:
            problems.append(
                f"wording.solve must say {{question}} once, and does so {count} times: put it where"
                " the problem belongs"
            )
        for name, text in (("question", self.propose), ("answer", self.solve)):
            tag = getattr(self, f"{name}_tag")
            if tag is not None and f"<{tag}>" not in text:
                told = "propose" if name == "question" else "solve"
                problems.append(
                    f"wording.{told} never mentions <{tag}>, where wording.{name}_tag looks for the"
                    f" {name}: tell the policy, or set {name}_tag to null"
                )
        if problems:
            raise ConfigError(problems)

    def proposer_prompt(self, references: Sequence[str] = ()) -> tuple[Message, ...]:
        """One user message; each reference stands in the question's tag."""
        tag = self.question_tag or "question"
        shown = [f"\n\n<{tag}>\n{text}\n</{tag}>" for text in references]
        told = self.propose + (self.references if shown else "") + "".join(shown)
        return ({"role": "user", "content": told},)

    def solver_prompt(self, task: Task) -> tuple[Message, ...]:
        """The task's messages, the last one in the words of ``solve``."""
        *before, last = task.prompt
        content = self.solve.replace("{question}", last["content"])
        return (*before, {"role": last["role"], "content": content})

    def question_in(self, reply: str) -> str | None:
        """The question a reply proposes; None if it has none."""
        return _inside(reply, self.question_tag)

    def answer_in(self, reply: str) -> str | None:
        """The answer a reply gives; None if it has none."""
        return _inside(reply, self.answer_tag)

    def as_asked(self, task: Task) -> Task:
        """The proposer's task as a judge of its question sees it: what was asked for."""
        return replace(task, prompt=self.proposer_prompt())


def _inside(reply: str, tag: str | None) -> str | None:
    """The content of the last such tag after any reasoning, or all of it; None where it is empty.

    A tag that opens inside another one is part of nothing: between the last opening and the closing
    that follows it there is no other.
    """
    said = _THOUGHT.sub("", reply)
    if tag is None:
        return said.strip() or None
    name = re.escape(tag)
    found = re.findall(rf"<{name}>((?:(?!</?{name}>).)*)</{name}>", said, re.DOTALL)
    return (found[-1].strip() or None) if found else None
