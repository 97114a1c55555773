"""Which tasks that the policy invented join the pool, and which leave it: rules and their index.

An environment says where a task came from (`origin.with_origin`), the configuration's section
`growth` says what is good enough (`Growth`), `TaskPool.extend` applies it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from guerdon.errors import ConfigError
from guerdon.tasks import similarity
from guerdon.tasks.origin import Origin, origin_of, subject
from guerdon.types import Task

if TYPE_CHECKING:
    from guerdon.tasks import TaskSource

Refusal = Literal[
    "known", "no_score", "low_score", "too_easy", "too_hard", "contaminated", "duplicate",
    "near_duplicate",
]  # fmt: skip
"""Why a task does not join. known: one of its id is in the pool."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The rules of a growing pool; the section ``growth`` of a configuration.

    A task joins if it is good enough, neither too easy nor too hard, not found in evaluation data,
    and not nearly one that is there. Seeds never leave.

    Args:
        max_tasks: the pool's largest size, seeds included; None: no limit.
        eviction: what leaves a full pool, or a full domain. fifo: the oldest. priority: the one
            with the lowest score, of equal ones the oldest.
        quotas: by domain, how many invented tasks it may hold.
        min_score: lower scores are refused, and tasks nobody judged; None: scores do not count.
        min_difficulty, max_difficulty: the range of `Origin.difficulty`, both ends in it; tasks
            nobody tried are not refused for it.
        near_duplicate: the similarity (MinHash, Jaccard of 3-word shingles) from which a task
            repeats one of its domain; None: only tasks of equal words do.
        avoid: evaluation data beside the run's own held-out tasks: no task of theirs may join.
        shared_words: so many words in a row in common with one evaluation task are contamination;
            None: only equal words and ``near_duplicate`` are.
        fresh_first: new tasks are dealt before all others.
    """

    max_tasks: int | None = None
    eviction: Literal["fifo", "priority"] = "fifo"
    quotas: Mapping[str, int] = field(default_factory=dict)
    min_score: float | None = None
    min_difficulty: float = 0.0
    max_difficulty: float = 1.0
    near_duplicate: float | None = 0.8
    avoid: Sequence[TaskSource] = ()
    shared_words: int | None = 13
    fresh_first: bool = False

    def __post_init__(self) -> None:
        shares = ("min_score", "min_difficulty", "max_difficulty", "near_duplicate")
        problems = [
            f"{name}={getattr(self, name)} must be in 0..1"
            for name in shares
            if getattr(self, name) is not None and not 0.0 <= getattr(self, name) <= 1.0
        ]
        if self.min_difficulty > self.max_difficulty:
            problems.append(
                f"min_difficulty={self.min_difficulty} is above max_difficulty="
                f"{self.max_difficulty}: no task could join"
            )
        least = {"max_tasks": self.max_tasks, "shared_words": self.shared_words}
        least |= {f"quotas.{name}": most for name, most in self.quotas.items()}
        problems += [
            f"{name}={value} must be at least 1"
            for name, value in least.items()
            if value is not None and value < 1
        ]
        problems += [
            f"avoid.{index}: {type(source).__name__} is no source of tasks: it has no load()"
            for index, source in enumerate(self.avoid)
            if not callable(getattr(source, "load", None))
        ]
        if problems:
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """What is wrong with the evaluation data to avoid; for `config.check`."""
        found: list[str] = []
        for index, source in enumerate(self.avoid):
            check = getattr(source, "problems", None)
            found += [f"avoid.{index}: {line}" for line in (check() if check else [])]
        return found


class Grown:
    """The invented tasks of a pool, oldest first, and what must be known to admit more.

    Everything in it follows from the rules, the seeds and the tasks in their order, so a checkpoint
    holds the tasks and nothing else.

    Args:
        rules: what may join and what leaves.
        seeds: the tasks that were given.
        held_out: the run's evaluation tasks.
    """

    def __init__(self, rules: Growth, seeds: Iterable[Task], held_out: Iterable[Task]) -> None:
        self.rules = rules
        self.tasks: dict[str, Task] = {}
        self._seeds = {task.id: task for task in seeds}
        self._held_out = tuple(held_out)
        self._is_ready = False

    def refuse(self, task: Task) -> Refusal | None:
        """Why the task may not join; None: it may."""
        if task.id in self._seeds or task.id in self.tasks:
            return "known"
        origin, rules = origin_of(task) or Origin(), self.rules
        if rules.min_score is not None and origin.score is None:
            return "no_score"
        if rules.min_score is not None and (origin.score or 0.0) < rules.min_score:
            return "low_score"
        if origin.difficulty is not None and origin.difficulty < rules.min_difficulty:
            return "too_easy"
        if origin.difficulty is not None and origin.difficulty > rules.max_difficulty:
            return "too_hard"
        return self._refuse_text(task)

    def add(self, task: Task) -> None:
        """Let a task join that was not refused."""
        self.tasks[task.id] = task
        if self._is_ready:
            self._index(task)

    def surplus(self) -> list[Task]:
        """Take out what exceeds the quotas, then the size; returns it."""
        counts = Counter(task.domain for task in self.tasks.values())
        gone: list[Task] = []
        for domain, most in self.rules.quotas.items():
            gone += [self._take(domain) for _ in range(counts[domain] - most)]
        if self.rules.max_tasks is not None:
            size = len(self._seeds) + len(self.tasks)
            gone += [self._take(None) for _ in range(size - self.rules.max_tasks)]
        return gone

    def restore(self, tasks: Iterable[Task]) -> None:
        """Hold these instead, in this order."""
        self.tasks = {task.id: task for task in tasks}
        self._is_ready = False

    def _take(self, domain: str | None) -> Task:
        """The next to leave, of one domain or of all."""
        of = [task for task in self.tasks.values() if domain in (None, task.domain)]
        leaving = of[0] if self.rules.eviction == "fifo" else min(of, key=_score)
        del self.tasks[leaving.id]
        if self._is_ready:
            self._digests[_key(leaving)] -= 1
            if self.rules.near_duplicate is not None:
                self._near[leaving.domain].remove(leaving.id)
        return leaving

    def is_contaminated(self, task: Task) -> bool:
        """Whether the task repeats an evaluation task, or nearly, or a passage of it."""
        self._prepare()
        text, limit = subject(task), self.rules.near_duplicate
        return (
            similarity.digest(text) in self._evaluation_digests
            or (limit is not None and self._evaluation.nearest(text) >= limit)
            or (self._passages is not None and self._passages.occur_in(text))
        )

    def _refuse_text(self, task: Task) -> Refusal | None:
        if self.is_contaminated(task):
            return "contaminated"
        text, limit = subject(task), self.rules.near_duplicate
        if self._digests[_key(task)] > 0:
            return "duplicate"
        near = self._near.get(task.domain)
        if limit is not None and near is not None and near.nearest(text) >= limit:
            return "near_duplicate"
        return None

    def _prepare(self) -> None:
        """Read what tasks are compared with, once: a pool that never grows needs none of it."""
        if self._is_ready:
            return
        evaluated = [*self._held_out]
        for source in self.rules.avoid:
            sets = source.load()
            evaluated += [*sets.train, *sets.held_out]
        texts = [subject(task) for task in evaluated]
        self._evaluation_digests = {similarity.digest(text) for text in texts}
        self._evaluation = similarity.NearTexts()
        if self.rules.near_duplicate is not None:
            for number, text in enumerate(texts):
                self._evaluation.add(number, text)
        length = self.rules.shared_words
        self._passages = similarity.Passages(texts, length) if length is not None else None
        self._digests: Counter[tuple[str, str]] = Counter()
        self._near: dict[str, similarity.NearTexts] = {}
        self._is_ready = True
        for task in (*self._seeds.values(), *self.tasks.values()):
            self._index(task)

    def _index(self, task: Task) -> None:
        self._digests[_key(task)] += 1
        if self.rules.near_duplicate is not None:
            near = self._near.setdefault(task.domain, similarity.NearTexts())
            near.add(task.id, subject(task))


def _key(task: Task) -> tuple[str, str]:
    return task.domain, similarity.digest(subject(task))


def _score(task: Task) -> float:
    origin = origin_of(task)
    return origin.score if origin and origin.score is not None else 0.0
