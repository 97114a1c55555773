"""PracticeTasks: small problems of which it is known which workflow pays for each sort.

They go with `engines.fallible.FallibleEngine`, whose skills for each sort (``info["kind"]``) make
one call enough, or an ensemble, a review or the tests worth their price.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Task, derive_seed

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana")
PLACES = ("Oslo", "Rome", "Lima", "Bonn", "Cairo", "Delhi", "Paris", "Quito")

KINDS = ("sum", "product", "lookup", "riddle", "function")
"""sum and product are math, lookup and riddle qa, function is code."""

MAX_OLD = 500
"""Problems drawn again, one after the other, before it is given up that there are more."""


@dataclass(frozen=True, kw_only=True)
class PracticeTasks:
    """Problems of five sorts, equally many of each, every one different.

    Args:
        num_train, num_held_out: problems of each sort.
        kinds: which sorts.
        seed: decides all of them; the held-out ones do not depend on ``num_train``.
    """

    num_train: int = 100
    num_held_out: int = 20
    kinds: tuple[str, ...] = KINDS
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        problems = [f"PracticeTasks: kinds {unknown}: there are {', '.join(KINDS)}"] * bool(unknown)
        if not self.kinds or self.num_train < 1 or self.num_held_out < 0:
            problems.append("PracticeTasks: kinds and num_train must not be empty")
        if problems:
            raise ConfigError(problems)

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Draw the problems.

        Raises:
            ConfigError: there are not so many different ones.
        """
        drawn = {kind: self._draw(kind) for kind in self.kinds}
        rounds = range(self.num_train + self.num_held_out)
        tasks = [[drawn[kind][at] for kind in self.kinds] for at in rounds]
        held_out = [task for one in tasks[: self.num_held_out] for task in one]
        train = [task for one in tasks[self.num_held_out :] for task in one]
        return TaskSets(train=tuple(train), held_out=tuple(held_out))

    def _draw(self, kind: str) -> list[Task]:
        draw = random.Random(derive_seed(self.seed, kind))
        wanted = self.num_train + self.num_held_out
        found: dict[str, Task] = {}
        num_old = 0
        while len(found) < wanted and num_old < MAX_OLD:
            task = _MAKERS[kind](draw)
            num_old = num_old + 1 if task.id in found else 0
            found.setdefault(task.id, task)
        if len(found) == wanted:
            return list(found.values())
        raise ConfigError(
            f"PracticeTasks: there are only {len(found)} different problems of kind {kind}, and "
            f"num_train + num_held_out is {wanted}"
        )


def _sum(draw: random.Random) -> Task:
    a, b = draw.randint(10, 99), draw.randint(10, 99)
    return _task("math", "sum", f"What is {a} plus {b} ?", str(a + b))


def _product(draw: random.Random) -> Task:
    a, b = draw.randint(10, 99), draw.randint(10, 99)
    return _task("math", "product", f"What is {a} times {b} ?", str(a * b))


def _lookup(draw: random.Random) -> Task:
    a, b = draw.sample(NAMES, 2)
    here, there = draw.sample(PLACES, 2)
    text = f"{a} is in {here} and {b} is in {there} .\nWhere is {b} ?"
    return _task("qa", "lookup", text, there)


def _riddle(draw: random.Random) -> Task:
    a, b, c = draw.sample(NAMES, 3)
    here, there = draw.sample(PLACES, 2)
    text = f"{a} follows {b} and {c} is in {here} and {b} is in {there} .\nWhere is {a} ?"
    return _task("qa", "riddle", text, there)


def _function(draw: random.Random) -> Task:
    a, b = draw.randint(2, 99), draw.randint(1, 99)
    tests = [f"assert f({n}) == {n * a + b}" for n in (0, 1, 2, 3, 7, 11)]
    info = {
        "entry_point": "f",
        "solution": f"def f(n):\n    return n * {a} + {b}",
        "public_tests": tests[2:4],
        "tests": tests[:2] + tests[4:],
    }
    return _task("code", "function", f"Write f of n : n times {a} plus {b} .", None, **info)


def _task(domain: str, kind: str, text: str, answer: str | None, **info: object) -> Task:
    return Task(
        id=f"practice/{kind}/{text}",
        prompt=({"role": "user", "content": text},),
        answer=answer,
        domain=domain,
        info={"kind": kind, **info},
    )


_MAKERS: dict[str, Callable[[random.Random], Task]] = {
    "sum": _sum,
    "product": _product,
    "lookup": _lookup,
    "riddle": _riddle,
    "function": _function,
}
