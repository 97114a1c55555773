"""``Mixture``: several task sources, each a domain with a share of every batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from guerdon.data.files import OVERLAP
from guerdon.data.rows import prompt_key_of
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, LoadReport, TaskSets, TaskSource
from guerdon.types import Task

RENAMED = "a task had the id of another source's task; its domain was put before it"


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Task sources by domain: the key in ``sources`` names the domain of all its tasks."""

    sources: dict[str, TaskSource]
    weights: dict[str, float] | None = None
    """Relative share of each domain; None: every task equally often."""

    def __post_init__(self) -> None:
        problems = [] if self.sources else ["sources is empty: name at least one task source"]
        if self.weights is not None:
            problems += [
                f"weights.{name} has no source; sources are: {', '.join(self.sources)}"
                for name in self.weights
                if name not in self.sources
            ]
            problems += [
                f"sources.{name} has no weight: add weights.{name}"
                for name in self.sources
                if name not in self.weights
            ]
            problems += [
                f"weights.{name}={weight} must be a number above 0"
                for name, weight in self.weights.items()
                if not 0 < weight < float("inf")
            ]
        if problems:
            raise ConfigError(problems)

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Load every source; held-out tasks take turns, so that the first few cover all domains.

        Raises:
            ConfigError: the problems of all sources.
        """
        problems: list[str] = []
        loaded: dict[str, TaskSets] = {}
        for name, source in self.sources.items():
            try:
                loaded[name] = source.load(count_tokens)
            except ConfigError as error:
                problems += [f"sources.{name}: {problem}" for problem in error.problems]
        problems += [
            f"sources.{name} has weights of its own, which would be lost: name its sources here"
            for name, sets in loaded.items()
            if sets.weights is not None
        ]
        if problems:
            raise ConfigError(problems)
        return self._join(loaded)

    def _join(self, loaded: dict[str, TaskSets]) -> TaskSets:
        notes: Counter[str] = Counter()
        seen: dict[str, Task] = {}
        own = {
            name: _rename([*sets.train, *sets.held_out], name, seen, notes)
            for name, sets in loaded.items()
        }
        train = [t for name, sets in loaded.items() for t in own[name][: len(sets.train)]]
        held_out = [own[name][len(sets.train) :] for name, sets in loaded.items()]
        # a task without a prompt is told by its world, which its own source keeps apart
        asked = {prompt_key_of(task) for task in chain(*held_out) if task.prompt}
        kept = [task for task in train if not task.prompt or prompt_key_of(task) not in asked]
        notes[OVERLAP] = len(train) - len(kept)
        in_turn = tuple(_take_turns(held_out))
        reports = tuple(sets.report for sets in loaded.values() if sets.report is not None)
        num_rows = sum(report.num_rows for report in reports)
        report = LoadReport(
            "mixture", num_rows, len(kept), len(in_turn), dict(notes), parts=reports
        )
        return TaskSets(tuple(kept), in_turn, report, self.weights)


def _rename(
    tasks: list[Task], domain: str, seen: dict[str, Task], notes: Counter[str]
) -> list[Task]:
    """The tasks in ``domain``, with ids that no other source's different task has."""
    renamed = []
    for task in tasks:
        task = replace(task, domain=domain)
        other = seen.get(task.id)
        if other is not None and (other.domain != domain):
            notes[RENAMED] += 1
            task = replace(task, id=f"{domain}/{task.id}")
        seen.setdefault(task.id, task)
        renamed.append(task)
    return renamed


def _take_turns(groups: Iterable[list[Task]]) -> Iterator[Task]:
    return (task for turn in zip_longest(*groups) for task in turn if task is not None)
