"""Countdown: make a target out of given numbers, each used exactly once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from guerdon.envs.game import state_seed
from guerdon.envs.games.arithmetic import NotArithmetic, evaluate
from guerdon.errors import ConfigError
from guerdon.types import Task, derive_seed

OPERATORS = ("+", "-", "*", "/")


@dataclass(kw_only=True)
class CountdownGame:
    """One expression that has the target's value: 1 if it is right, ``close_reward`` if it uses
    the right numbers, else 0.

    Numbers and target come from ``task.info["numbers"]`` and ``info["target"]``, or from the task's
    seed: then a random expression makes the target, so there is a solution.

    Args:
        num_numbers: how many numbers there are.
        max_number: the largest of them.
        operators: which of + - * / may be used.
        max_target: the largest target.
        close_reward: for an expression of the right numbers with another value.
        tries: expressions that may be tried; each is a turn.
    """

    num_numbers: int = 4
    max_number: int = 20
    operators: Sequence[str] = OPERATORS
    max_target: int = 100
    close_reward: float = 0.1
    tries: int = 1
    _numbers: tuple[int, ...] = field(default=(), init=False, repr=False)
    _target: int = field(default=0, init=False, repr=False)
    _left: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        unknown = set(self.operators) - set(OPERATORS)
        problems = [f"CountdownGame: operators must be among {' '.join(OPERATORS)}"] * bool(unknown)
        problems += [
            f"CountdownGame: {name} must be at least {least}, not {getattr(self, name)}"
            for name, least in {"num_numbers": 2, "max_number": 1, "tries": 1}.items()
            if getattr(self, name) < least
        ]
        if problems or not self.operators:
            raise ConfigError(problems or ["CountdownGame: operators is empty"])

    @property
    def instruction(self) -> str:
        """What to do."""
        signs = " ".join(self.operators)
        return (
            f"Write an expression with the value of the target. Use every number exactly once, and "
            f"nothing but {signs} and brackets."
        )

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Show target and numbers."""
        if "numbers" in task.info and "target" in task.info:
            self._numbers = tuple(int(number) for number in task.info["numbers"])
            self._target = int(task.info["target"])
        else:
            self._numbers, self._target = self._make(state_seed(task))
        self._left = self.tries
        numbers = " ".join(map(str, self._numbers))
        return f"Target {self._target} numbers {numbers}", {"success": 0.0}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Compute an expression."""
        self._left -= 1
        reward, told = self._judge(action)
        won = reward == 1.0
        return told, reward, won, not won and self._left == 0, {"success": float(won)}

    def anchor(self) -> str:
        """Target, numbers and tries left."""
        return f"{self._target} {self._numbers} {self._left}"

    def oracle(self) -> str | None:
        """An expression that has the target's value."""
        return solve(self._numbers, self._target, self.operators)

    def sample(self, draw: random.Random) -> str:
        """The numbers in any order with any operators."""
        text, *rest = map(str, draw.sample(self._numbers, len(self._numbers)))
        for number in rest:
            text = f"{text} {draw.choice(self.operators)} {number}"
        return text

    def _judge(self, action: str) -> tuple[float, str]:
        try:
            value, used = evaluate(action.split("=")[0])
        except NotArithmetic as error:
            return 0.0, f"That cannot be computed ({error})."
        if sorted(used) != sorted(self._numbers):
            return 0.0, "That does not use every number exactly once."
        if any(sign in action for sign in set(OPERATORS) - set(self.operators)):
            return 0.0, f"Only {' '.join(self.operators)} may be used."
        if value != self._target:
            return self.close_reward, f"That makes {value}, not {self._target}."
        return 1.0, "Right."

    def _make(self, seed: int) -> tuple[tuple[int, ...], int]:
        draw = random.Random(derive_seed("countdown", seed))
        for _ in range(10_000):
            numbers = tuple(draw.randint(1, self.max_number) for _ in range(self.num_numbers))
            value = _combine(draw, numbers, self.operators)
            if value is not None and value.denominator == 1 and 0 < value <= self.max_target:
                return numbers, int(value)
        raise ConfigError(
            f"CountdownGame: no target up to {self.max_target} was found for {self.num_numbers} "
            f"numbers up to {self.max_number} and {' '.join(self.operators)}; raise max_target"
        )


def solve(numbers: Sequence[int], target: int, operators: Sequence[str]) -> str | None:
    """An expression of all ``numbers`` with the value ``target``, or None.

    Two of the numbers are combined to one until there is one; at most five numbers take seconds.
    """
    return _search([(Fraction(number), str(number)) for number in numbers], target, operators)


def _search(terms: list[tuple[Fraction, str]], target: int, operators: Sequence[str]) -> str | None:
    if len(terms) == 1:
        return terms[0][1].removeprefix("( ").removesuffix(" )") if terms[0][0] == target else None
    for i, (a, left) in enumerate(terms):
        for j, (b, right) in enumerate(terms):
            if i == j:
                continue
            rest = [term for k, term in enumerate(terms) if k not in (i, j)]
            for sign in operators:
                if (sign in "+*" and i > j) or (sign == "/" and b == 0):
                    continue
                term = (_apply(sign, a, b), f"( {left} {sign} {right} )")
                if found := _search([*rest, term], target, operators):
                    return found
    return None


def _combine(
    draw: random.Random, numbers: Sequence[int], operators: Sequence[str]
) -> Fraction | None:
    """The value of a random expression of all numbers; None: a division by zero."""
    terms = [Fraction(number) for number in numbers]
    while len(terms) > 1:
        a, b = (terms.pop(draw.randrange(len(terms))) for _ in range(2))
        sign = draw.choice(operators)
        if sign == "/" and b == 0:
            return None
        terms.append(_apply(sign, a, b))
    return terms[0]


def _apply(sign: str, a: Fraction, b: Fraction) -> Fraction:
    return {"+": a + b, "-": a - b, "*": a * b}[sign] if sign != "/" else a / b
