"""Which tasks a run has, and which of them a step plays next.

``TaskSets`` is what a task source loads. ``TaskPool`` deals training tasks: every task once per
epoch, domains in their ratios, room for tasks the policy invents. No random state is kept; every
order derives from the seed, so the state is a few numbers of JSON. Reading files is
``guerdon.data``'s work.
"""

from __future__ import annotations

import hashlib
import json
import random
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from guerdon.errors import CheckpointError, ConfigError
from guerdon.tasks.growth import Grown, Growth
from guerdon.tasks.origin import Origin, origin_of, reference, with_origin
from guerdon.types import Message, Task, derive_seed

CountTokens = Callable[[Sequence[Message]], int]
"""How many tokens a prompt has once its chat template is applied."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of the rows of a source; printed before training."""

    source: str
    num_rows: int
    num_train: int
    num_held_out: int
    notes: Mapping[str, int] = field(default_factory=dict)
    """What was changed or left out, in words, and how often."""
    bad_rows: tuple[str, ...] = ()
    """Where each malformed row is, and what is wrong with it."""
    parts: tuple[LoadReport, ...] = ()
    """The reports of a mixture's sources."""

    def lines(self) -> list[str]:
        """Short plain lines, the totals first."""
        head = f"{self.source}: {self.num_rows} rows, {self.num_train} tasks to train on"
        lines = [f"{head}, {self.num_held_out} held out"]
        lines += [f"  {count} x {note}" for note, count in self.notes.items() if count]
        if self.bad_rows:
            lines.append(f"  WARNING: {len(self.bad_rows)} malformed rows skipped, such as:")
            lines += [f"    {problem}" for problem in self.bad_rows[:3]]
        return lines + [f"  {line}" for part in self.parts for line in part.lines()]

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True, slots=True)
class TaskSets:
    """The tasks of a run: no held-out prompt is also a training prompt."""

    train: tuple[Task, ...]
    held_out: tuple[Task, ...]
    report: LoadReport | None = None
    """None: the tasks were made, not read."""
    weights: Mapping[str, float] | None = None
    """The share of each domain, for ``TaskPool``; None: every task equally often."""


@runtime_checkable
class TaskSource(Protocol):
    """Where tasks come from: a file, a mixture, an environment's own generator."""

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Read or make the tasks.

        Raises:
            ConfigError: nothing can be trained on; lists every problem.
        """
        ...


class TaskPool:
    """Deals the training tasks of each step.

    An epoch of a domain is its tasks in the order of ``derive_seed(seed, domain, epoch, id)``, so
    a task that joins late has its place in the epoch under way or waits for the next. With
    ``weights``, domains are dealt by Tijdeman's rule: after any number of draws each domain is less
    than one task away from its share. Without, all tasks form one domain.

    A task with ``info["wants_references"] = {"domains": [...], "num": K}`` is dealt with up to K
    tasks of these domains in ``info["references"]`` (see `origin.reference`), drawn evenly from all
    that are in the pool, and with an id of its own: with other references it is another problem.

    Args:
        tasks: the seeds; never evicted. Of equal ids the first stays.
        weights: relative share of each domain; must name exactly the domains of ``tasks``. With 0
            a domain is kept, shown as references, and never dealt; it may be empty at first.
        seed: every order derives from it.
        growth: which invented tasks join, and which leave.
        held_out: evaluation tasks; no invented task may repeat one.

    Raises:
        ConfigError: no tasks, weights that do not fit the domains, or more seeds than fit.

    Source: Tijdeman 1980, "The chairman assignment problem", Discrete Mathematics 32.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        *,
        weights: Mapping[str, float] | None = None,
        seed: int = 0,
        growth: Growth | None = None,
        held_out: Iterable[Task] = (),
    ) -> None:
        rules = growth or Growth()
        self._seeds: dict[str, Task] = {}
        for task in tasks:
            self._seeds.setdefault(task.id, task)
        domains = {task.domain for task in self._seeds.values()}
        self._check(domains, weights, rules.max_tasks)
        self.seed = seed
        self._grown = Grown(rules, self._seeds.values(), held_out)
        self._draws = 0
        self._weighted = weights is not None
        self._shares = _shares(weights) if weights is not None else {"": Fraction(1)}
        members: dict[str, set[str]] = {name: set() for name in self._shares}
        for task in self._seeds.values():
            members[self._stream_name(task)].add(task.id)
        self._streams = {name: _Stream(seed, name, ids) for name, ids in members.items()}

    def _check(
        self, domains: set[str], weights: Mapping[str, float] | None, max_tasks: int | None
    ) -> None:
        problems = []
        if not self._seeds:
            problems.append("there are no tasks to train on: the pool is empty")
        if weights is not None:
            have = ", ".join(sorted(domains)) or "none"
            problems += [
                f"weights names the domain {name!r}, which has no tasks; domains with tasks: {have}"
                for name, value in weights.items()
                if name not in domains and value != 0
            ]
            problems += [
                f"domain {name!r} has tasks but no weight: add weights.{name}"
                for name in sorted(domains - set(weights))
            ]
            problems += [
                f"weights.{name}={value} must be a number, 0 or above"
                for name, value in weights.items()
                if not 0 <= value < float("inf")
            ]
            if not any(weights.values()):
                problems.append("no weight is above 0: no domain would ever be dealt")
        if max_tasks is not None and max_tasks < len(self._seeds):
            problems.append(
                f"max_tasks={max_tasks} is below the {len(self._seeds)} seed tasks, which are never"
                " evicted: raise max_tasks or load fewer tasks"
            )
        if problems:
            raise ConfigError(problems)

    def __len__(self) -> int:
        return len(self._seeds) + len(self._grown.tasks)

    @property
    def grown(self) -> tuple[Task, ...]:
        """The invented tasks, oldest first."""
        return tuple(self._grown.tasks.values())

    @property
    def seeds(self) -> tuple[Task, ...]:
        """The tasks the pool began with."""
        return tuple(self._seeds.values())

    def counts(self) -> dict[str, int]:
        """Tasks per domain."""
        tasks = [*self._seeds.values(), *self.grown]
        return dict(sorted(Counter(task.domain for task in tasks).items()))

    def sample(self, n: int) -> list[Task]:
        """The next ``n`` tasks, shuffled. None comes twice unless its domain has too few."""
        start, taken = self._draws, Counter[str]()
        ids = []
        for _ in range(n):
            self._draws += 1
            task_id = self._streams[self._next_domain()].draw(taken)
            taken[task_id] += 1
            ids.append(task_id)
        order = sorted(range(n), key=lambda i: derive_seed(self.seed, "order", start, i))
        return [self._deal(self._task(ids[i]), start + i) for i in order]

    def _deal(self, task: Task, draw: int) -> Task:
        """The task, with the references it wants."""
        wants = task.info.get("wants_references")
        if wants is None:
            return task
        everyone = {**self._seeds, **self._grown.tasks}
        fitting = sorted(i for i, other in everyone.items() if other.domain in wants["domains"])
        drawn = random.Random(derive_seed(self.seed, "references", draw)).sample(
            fitting, min(wants["num"], len(fitting))
        )
        references = [reference(everyone[task_id]) for task_id in drawn]
        return replace(task, id=f"{task.id}#{draw}", info={**task.info, "references": references})

    def _next_domain(self) -> str:
        """Tijdeman's rule: of the domains far enough behind, the one that must come first."""
        if len(self._shares) == 1:
            return next(iter(self._shares))
        slack = Fraction(1, 2 * len(self._shares) - 2)
        behind = {d: w * self._draws - self._streams[d].drawn for d, w in self._shares.items()}
        eligible = [domain for domain, deficit in behind.items() if deficit >= slack]
        return min(eligible, key=lambda d: (1 - slack - behind[d]) / self._shares[d])

    def extend(self, new_tasks: Iterable[Task], step: int = 0) -> Counter[str]:
        """Let new tasks join as the rules of growth say, then evict down to the size they set.

        Returns:
            How many were ``admitted``, how many ``evicted`` for them, and how many were refused for
            each reason (`growth.Refusal`).

        Raises:
            ConfigError: a task's domain has no weight.
        """
        new_tasks = list(new_tasks)
        unknown = {task.domain for task in new_tasks if self._weighted} - set(self._shares)
        if unknown:
            raise ConfigError(
                f"new tasks have the domain {sorted(unknown)[0]!r}, which has no weight; weights"
                f" are given for: {', '.join(sorted(self._shares))}"
            )
        outcome = Counter[str]()
        for task in new_tasks:
            refusal = self._grown.refuse(task)
            outcome[refusal or "admitted"] += 1
            if refusal is None:
                self._grown.add(with_origin(task, replace(origin_of(task) or Origin(), step=step)))
                self._stream(task).add(task.id, is_next=self._grown.rules.fresh_first)
        for task in self._grown.surplus():
            self._stream(task).remove(task.id)
            outcome["evicted"] += 1
        return outcome

    def evaluation_among(self, tasks: Iterable[Task]) -> set[str]:
        """Ids of the tasks that repeat an evaluation task: nothing may be learned from them."""
        return {task.id for task in tasks if self._grown.is_contaminated(task)}

    def _task(self, task_id: str) -> Task:
        return self._seeds.get(task_id) or self._grown.tasks[task_id]

    def _stream_name(self, task: Task) -> str:
        return task.domain if self._weighted else ""

    def _stream(self, task: Task) -> _Stream:
        return self._streams[self._stream_name(task)]

    def state_dict(self) -> dict[str, Any]:
        """What JSON needs to hold, beside ``grown``, so that an equally built pool goes on where
        this one is."""
        return {
            "built_from": self._fingerprint,
            "draws": self._draws,
            "streams": {name: stream.state() for name, stream in self._streams.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any], grown: Sequence[Task]) -> None:
        """Go on from ``state`` and the tasks that were ``grown`` then.

        Raises:
            CheckpointError: it was saved by a pool with other seeds, weights or seed.
        """
        if state["built_from"] != self._fingerprint:
            raise CheckpointError(
                "the tasks, weights or seed differ from those of the saved run: restore the data"
                " and settings it was started with, or start a new run"
            )
        for task in self.grown:
            self._stream(task).remove(task.id)
        self._grown.restore(grown)
        for task in grown:
            self._stream(task).add(task.id)
        self._draws = state["draws"]
        for name, stream in self._streams.items():
            stream.restore(state["streams"][name])

    @cached_property
    def _fingerprint(self) -> str:
        shares = {name: str(share) for name, share in self._shares.items()}
        built_from = json.dumps([self.seed, shares, sorted(self._seeds)])
        return hashlib.blake2b(built_from.encode(), digest_size=16).hexdigest()


def _shares(weights: Mapping[str, float]) -> dict[str, Fraction]:
    """Weights as exact fractions of their sum: rounding never decides whose turn it is."""
    exact = {name: Fraction(str(weight)) for name, weight in sorted(weights.items())}
    return {name: weight / sum(exact.values()) for name, weight in exact.items()}


class _Stream:
    """The endless order of one domain's tasks, epoch after epoch."""

    def __init__(self, seed: int, name: str, ids: set[str]) -> None:
        self._seed, self._name, self._ids = seed, name, ids
        self._cursor: tuple[int, str]
        """The last place dealt in this epoch."""
        self._deferred: list[str] = []
        """Dealt next: new ones, and those passed over because the same batch had them already."""
        self.drawn = 0
        self._start_epoch(0)

    def _place(self, task_id: str) -> tuple[int, str]:
        return derive_seed(self._seed, "epoch", self._name, self._epoch, task_id), task_id

    def add(self, task_id: str, *, is_next: bool = False) -> None:
        self._ids.add(task_id)
        insort(self._order, self._place(task_id))
        if is_next:
            self._deferred.append(task_id)

    def remove(self, task_id: str) -> None:
        self._ids.remove(task_id)
        del self._order[bisect_left(self._order, self._place(task_id))]
        self._deferred = [other for other in self._deferred if other != task_id]

    def draw(self, taken: Counter[str]) -> str:
        """The next id that the batch does not have; a domain smaller than the batch goes round
        again."""
        self.drawn += 1
        rounds = 0
        if len(taken) >= len(self._ids):
            rounds = min(taken[task_id] for task_id in self._ids)
        for i, task_id in enumerate(self._deferred):
            if taken[task_id] <= rounds:
                return self._deferred.pop(i)
        while True:
            at = bisect_right(self._order, self._cursor)
            if at == len(self._order):
                self._start_epoch(self._epoch + 1)
                continue
            self._cursor = self._order[at]
            task_id = self._cursor[1]
            if taken[task_id] <= rounds:
                return task_id
            self._deferred.append(task_id)

    def _start_epoch(self, epoch: int) -> None:
        self._epoch, self._cursor = epoch, (-1, "")
        self._order = sorted(self._place(task_id) for task_id in self._ids)

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "cursor": list(self._cursor),
            "deferred": list(self._deferred),
            "drawn": self.drawn,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._start_epoch(state["epoch"])
        place, task_id = state["cursor"]
        self._cursor = (place, task_id)
        self._deferred = list(state["deferred"])
        self.drawn = state["drawn"]
