"""An archive of documents about made-up towns, and questions that need one or two of them.

Made from a seed: nobody can know the answers without reading.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Task, derive_seed

_STARTS = ("Bel", "Dor", "Fen", "Gal", "Hal", "Kor", "Lim", "Mar", "Nor", "Ost", "Per", "Rav")
_ENDS = ("brook", "dale", "field", "ford", "ham", "minster", "mouth", "stead", "ton", "wick")
_FIRST = ("Ada", "Boris", "Clara", "Dmitri", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas")
_LAST = (
    "Abel",
    "Brandt",
    "Castell",
    "Dupond",
    "Ekberg",
    "Farrow",
    "Grimm",
    "Holt",
    "Ivers",
    "Juric",
)
_GOODS = ("clocks", "glass", "honey", "kites", "lace", "paper", "salt", "tin", "violins", "wool")
_RIVERS = ("Aller", "Brine", "Cress", "Dunn", "Esk", "Fallow", "Glim", "Hyle")


@dataclass(frozen=True, slots=True)
class Document:
    """A title and a text."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Town:
    """What the archive knows of a town."""

    name: str
    founded: int
    founder: str
    goods: str
    river: str


@functools.lru_cache(maxsize=8)
def towns(seed: int, num_towns: int) -> tuple[Town, ...]:
    """Towns with different names and different founders."""
    draw = random.Random(derive_seed("archive", seed))
    names = [a + b for a, b in itertools.product(_STARTS, _ENDS)]
    people = [f"{a} {b}" for a, b in itertools.product(_FIRST, _LAST)]
    return tuple(
        Town(name, draw.randint(1100, 1899), founder, draw.choice(_GOODS), draw.choice(_RIVERS))
        for name, founder in zip(
            draw.sample(names, num_towns), draw.sample(people, num_towns), strict=True
        )
    )


@functools.lru_cache(maxsize=8)
def documents(seed: int, num_towns: int) -> tuple[Document, ...]:
    """Two documents for each town: one of the town, one of its founder, without the year."""
    found = []
    for town in towns(seed, num_towns):
        found.append(
            Document(
                town.name,
                f"{town.name} is a town on the river {town.river}. It was founded in "
                f"{town.founded} and is known for its {town.goods}.",
            )
        )
        found.append(
            Document(
                town.founder,
                f"{town.founder} left the court and founded a town, {town.name}, with forty "
                f"families.",
            )
        )
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class ArchiveTasks:
    """Questions about the archive's towns; held-out ones are about towns never trained on.

    Args:
        num_towns: in the archive, of the same number as the game's.
        num_held_out_towns: whose questions are held out; there are four questions a town.
        seed: which archive; the same as the game's.
    """

    num_towns: int = 80
    num_held_out_towns: int = 20
    seed: int = 0

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Make the questions.

        Raises:
            ConfigError: there are not so many towns, or none is left to train on.
        """
        if not 0 <= self.num_held_out_towns < self.num_towns <= len(_FIRST) * len(_LAST):
            raise ConfigError(
                f"ArchiveTasks: 0 <= num_held_out_towns < num_towns <= 100 must hold, not "
                f"{self.num_held_out_towns} and {self.num_towns}"
            )
        every = towns(self.seed, self.num_towns)
        held_out, train = every[: self.num_held_out_towns], every[self.num_held_out_towns :]
        return TaskSets(
            train=tuple(task for town in train for task in self._tasks(town)),
            held_out=tuple(task for town in held_out for task in self._tasks(town)),
        )

    def _tasks(self, town: Town) -> Iterator[Task]:
        near = {
            f"In which year was {town.name} founded?": str(town.founded),
            f"What is {town.name} known for?": town.goods,
        }
        far = {
            f"In which year was the town founded that {town.founder} founded?": str(town.founded),
            f"On which river lies the town that {town.founder} founded?": town.river,
        }
        for hops, questions in enumerate((near, far), 1):
            for number, (question, answer) in enumerate(questions.items()):
                queries = [town.name] if hops == 1 else [town.founder, town.name]
                yield Task(
                    id=f"search/{self.seed}/{town.name}/{hops}{number}",
                    prompt=({"role": "user", "content": question},),
                    answer=answer,
                    domain="search",
                    info={"queries": queries, "hops": hops},
                )
