"""Self-play about programs of one expression: the small mode, for tiny policies and a CPU.

A proposal is ``max(x,3)@4``: the program ``def f(x): return max(x,3)`` and its input 4. Everything
else (the funnel, the sandbox, rewards, the pool) is that of the full mode.
"""

from __future__ import annotations

import operator
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from guerdon.envs.self_play.code_tasks import domain_shares, invitation
from guerdon.envs.self_play.code_wording import Proposal
from guerdon.envs.self_play.problems import Kind, Problem, to_task
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Message, derive_seed

_HEAD = "def f(x):\n    return "
_KINDS: tuple[Kind, ...] = ("code_o", "code_i")
_PROPOSE = {"code_o": "propose output", "code_i": "propose input"}
_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "max": max,
    "min": min,
}

_X = re.compile(r"\bx\b")

Conversation = tuple[Message, ...]


class _Drawn(NamedTuple):
    """An expression, its input and its value."""

    text: str
    x: int
    value: int


@dataclass(frozen=True)
class Expressions:
    """The words of the small mode; none that a tiny vocabulary lacks."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """Deduction and abduction."""
        return _KINDS

    def propose(
        self, kind: Kind, references: Sequence[Problem], helpers: Sequence[str], num_inputs: int
    ) -> Conversation:
        """``propose output``, and no references."""
        return _user(_PROPOSE[kind])

    def read_proposal(self, kind: Kind, reply: str) -> Proposal | None:
        """``expression@input`` on one line; without x, it would not be about its input."""
        expression, at, given = (part.strip() for part in reply.strip().rpartition("@"))
        if not (_X.search(expression) and at and given) or "\n" in reply.strip():
            return None
        return Proposal(_HEAD + expression, (given,))

    def solve(self, problem: Problem) -> Conversation:
        """``max(x,3)@4=`` asks for the output, ``max(x,3)=4@`` for an input."""
        expression = problem.program.removeprefix(_HEAD)
        if problem.kind == "code_o":
            return _user(f"{expression}@{problem.inputs[0]}=")
        return _user(f"{expression}={problem.outputs[0]}@")

    def read_answer(self, kind: Kind, reply: str) -> str | None:
        """The whole reply."""
        return reply.strip() or None


@dataclass(frozen=True, kw_only=True)
class ExpressionTasks:
    """Invitations to propose, the identity of each number as seeds, and held-out problems, of all
    programs of x and operators with a number each, with all numbers as input.

    Args:
        kinds: deduction (code_o), abduction (code_i), or both.
        operators: some of ``+ - * max min``.
        max_operators: of a program; 1 at least.
        max_number: of numbers, which start at 0.
        max_value: problems whose output is above, or below 0, are left out; None: none is.
        num_held_out: problems of each kind that the policy is evaluated on. They are never learned
            from, whoever proposes them.
        num_references: problems of the pool that a proposal may not repeat; none is shown.
        propose_share, solve_share: as in `code_tasks.CodeTasks`.
        seed: chooses what is held out.
    """

    kinds: Sequence[Kind] = ("code_o",)
    operators: Sequence[str] = ("max", "min")
    max_operators: int = 1
    max_number: int = 9
    max_value: int | None = None
    num_held_out: int = 40
    num_references: int = 32
    propose_share: float = 1.0
    solve_share: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        problems = []
        if not self.kinds or set(self.kinds) - set(_KINDS):
            problems.append(f"kinds is {list(self.kinds)}; give some of {', '.join(_KINDS)}")
        if not self.operators or set(self.operators) - _OPERATORS.keys():
            known = " ".join(_OPERATORS)
            problems.append(f"operators is {list(self.operators)}; give some of {known}")
        if self.max_operators < 1:
            problems.append(f"max_operators is {self.max_operators}; it must be at least 1")
        num_all = 0 if problems else len(self._drawn())
        if not problems and not 0 < self.num_held_out <= num_all // 2:
            problems.append(
                f"num_held_out is {self.num_held_out}; of {num_all} problems hold out at least one "
                f"and at most half"
            )
        if problems:
            raise ConfigError(problems)

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Make the tasks."""
        held_out = self._drawn()[: self.num_held_out]
        invitations = [invitation(kind, [kind], self.num_references) for kind in self.kinds]
        numbers = [str(number) for number in range(self.max_number + 1)]
        identity = [(kind, f"{_HEAD}x", (n,), (n,)) for kind in self.kinds for n in numbers]
        seeds = [to_task(Problem(*each)) for each in identity]
        shares = domain_shares(self.kinds, self.propose_share, self.solve_share)
        evaluated = tuple(to_task(each) for kind in self.kinds for each in _as(kind, held_out))
        return TaskSets((*invitations, *seeds), evaluated, weights=shares)

    def practice(self) -> list[Problem]:
        """The problems that are not held out."""
        rest = self._drawn()[self.num_held_out :]
        return [each for kind in self.kinds for each in _as(kind, rest)]

    def _drawn(self) -> list[_Drawn]:
        """All problems in an order that derives from the seed."""
        numbers = range(self.max_number + 1)
        steps = list(product(self.operators, numbers))
        everyone = (
            _drawn(x, chosen)
            for count in range(1, self.max_operators + 1)
            for chosen in product(steps, repeat=count)
            for x in numbers
        )
        fitting = [
            each for each in everyone if self.max_value is None or 0 <= each.value <= self.max_value
        ]
        return sorted(
            fitting, key=lambda each: derive_seed(self.seed, "held out", each.text, each.x)
        )


@dataclass(frozen=True, kw_only=True)
class ExpressionTalk:
    """Conversations for the warm-up: the form of proposals and answers, not what is true.

    Proposals are problems that are not held out, with programs of each length equally often, and
    some of them are spoiled; answers are random numbers.

    Args:
        tasks: which problems there are.
        num_conversations: half of them proposals, half answers.
        spoiled_frac: proposals with a token in the wrong place.
        seed: of all that is random.
    """

    tasks: ExpressionTasks
    num_conversations: int = 512
    spoiled_frac: float = 0.5
    seed: int = 0

    def load(self) -> list[Conversation]:
        """Make them all."""
        draw = random.Random(derive_seed(self.seed, "talk"))
        words = Expressions()
        by_length: dict[int, list[Problem]] = {}
        for each in self.tasks.practice():
            by_length.setdefault(len(each.program), []).append(each)
        lengths = list(by_length.values())
        largest = self.tasks.max_number if self.tasks.max_value is None else self.tasks.max_value
        talks = []
        for number in range(self.num_conversations):
            problem = draw.choice(draw.choice(lengths))
            if number % 2:
                answer = str(draw.randint(0, largest))
                talks.append((*words.solve(problem), _said(answer)))
                continue
            proposal = list(f"{problem.program.removeprefix(_HEAD)}@{problem.inputs[0]}")
            if draw.random() < self.spoiled_frac:
                proposal[draw.randrange(len(proposal))] = draw.choice("x,@9")
            prompt = words.propose(problem.kind, (), (), 0)
            talks.append((*prompt, _said("".join(proposal))))
        return talks


def _drawn(x: int, steps: Sequence[tuple[str, int]]) -> _Drawn:
    """x, and one operator after the other on what there is."""
    text, value = "x", x
    for sign, a in steps:
        text, value = _written(text, sign, a), _OPERATORS[sign](value, a)
    return _Drawn(text, x, value)


def _written(text: str, sign: str, a: int) -> str:
    if sign.isalpha():
        return f"{sign}({text},{a})"
    return f"({text})*{a}" if sign == "*" and len(text) > 1 else f"{text}{sign}{a}"


def _as(kind: Kind, drawn: Sequence[_Drawn]) -> list[Problem]:
    return [Problem(kind, _HEAD + each.text, (str(each.x),), (str(each.value),)) for each in drawn]


def _user(text: str) -> Conversation:
    return ({"role": "user", "content": text},)


def _said(text: str) -> Message:
    return {"role": "assistant", "content": text}
