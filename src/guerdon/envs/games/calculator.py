"""Sums too large for the head, and a calculator: the smallest environment with a tool."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from guerdon.envs import tools
from guerdon.envs.game import state_seed
from guerdon.envs.games.arithmetic import NotArithmetic, evaluate, shown
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed

_CALCULATOR = tools.function(
    "calculator",
    "Computes an expression of whole numbers, + - * / and brackets.",
    expression=("string", "such as (12 + 7) * 31"),
)


@dataclass(kw_only=True)
class CalculatorGame:
    """A sum made from the task's seed; 1 for the right final answer, which ends the episode.

    Args:
        num_numbers: in the sum.
        max_number: the largest of them.
        call_cost: taken off for each use of the calculator.
    """

    num_numbers: int = 4
    max_number: int = 999
    call_cost: float = 0.0
    instruction: str = field(
        default="Compute. You have a calculator. Your final answer is a number alone.",
        init=False,
        repr=False,
    )
    _sum: str = field(default="", init=False, repr=False)
    _shown: str | None = field(default=None, init=False, repr=False)
    _calls: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.num_numbers < 2 or self.max_number < 2:
            raise ConfigError("CalculatorGame: num_numbers and max_number must be at least 2")

    def tools(self) -> list[dict[str, Any]]:
        """The calculator."""
        return [_CALCULATOR]

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Ask for the sum."""
        self._sum = self._make(random.Random(derive_seed("calculator", state_seed(task))))
        self._shown, self._calls = None, 0
        return f"What is {self._sum}?", self._info(False)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Compute, or hear the answer."""
        name, arguments = tools.parse(action)
        if name == tools.ANSWER:
            won = _is_equal(arguments["text"], self._sum)
            return "Right." if won else "Wrong.", float(won), True, False, self._info(won)
        self._calls += 1
        try:
            self._shown = shown(evaluate(arguments["expression"])[0])
        except NotArithmetic as error:
            return f"Error: {error}.", -self.call_cost, False, False, self._info(False)
        return self._shown, -self.call_cost, False, False, self._info(False)

    def anchor(self) -> str:
        """The sum and what the calculator shows."""
        return f"{self._sum} = {self._shown}"

    def oracle(self) -> str:
        """Use the calculator on the sum, then say what it shows."""
        right = shown(evaluate(self._sum)[0])
        if self._shown == right:
            return tools.call(tools.ANSWER, text=right)
        return tools.call("calculator", expression=self._sum)

    def sample(self, draw: random.Random) -> str:
        """A calculation or an answer, with numbers of the right size."""
        number = draw.randint(1, self.max_number)
        if draw.random() < 0.5:
            return tools.call(tools.ANSWER, text=str(number))
        return tools.call("calculator", expression=f"{number} + {draw.randint(1, 9)}")

    def _make(self, draw: random.Random) -> str:
        text = str(draw.randint(2, self.max_number))
        for _ in range(self.num_numbers - 1):
            sign, number = draw.choice("+-*"), draw.randint(2, self.max_number)
            text = (
                f"({text}) {sign} {number}"
                if sign == "*" and " " in text
                else (f"{text} {sign} {number}")
            )
        return text

    def _info(self, won: bool) -> dict[str, float]:
        return {"success": float(won), "tool_calls": float(self._calls)}


def _is_equal(answer: str, expression: str) -> bool:
    try:
        return evaluate(answer.replace(",", "").rstrip("."))[0] == evaluate(expression)[0]
    except NotArithmetic:
        return False
