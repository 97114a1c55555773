"""Gold answers must pass, canaries must not: a reward is tried before a run, and again during it.

Only where there is something to try: an environment that grades replies (see `Grades`), and tasks
with a reference answer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import chain, islice, zip_longest
from statistics import fmean
from typing import Literal, Protocol, runtime_checkable

from guerdon.config.schema import Trust
from guerdon.trust.attacks import canaries, says
from guerdon.trust.gold import gold_responses, saying
from guerdon.trust.scoring import Scored, score
from guerdon.types import Env, Metrics, Models, Reward, RewardFn, Task, derive_seed

SHOWN = 5
"""Examples in a message."""


@runtime_checkable
class Grades(Protocol):
    """An environment whose reward function scores a text, against the task's reference answer."""

    @property
    def reward(self) -> RewardFn:
        """What scores the text."""
        ...

    @property
    def success_at(self) -> float | None:
        """A reward from which an answer counts as right; None: not defined."""
        ...


@runtime_checkable
class Routes(Protocol):
    """An environment made of others."""

    def env_of(self, task: Task) -> Env:
        """The one that plays a task."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A text that is tried on a task, and what should come of it."""

    kind: Literal["gold", "canary"]
    name: str
    task: Task
    response: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a trial."""

    trial: Trial
    scored: Scored
    right_at: float
    """From this value on the text was paid for as a right answer."""

    @property
    def is_paid(self) -> bool:
        """The text earned what a right answer earns."""
        return isinstance(self.scored, Reward) and self.scored.value >= self.right_at

    def __str__(self) -> str:
        trial, answer = self.trial, _short(self.trial.task.answer or "")
        got = "had no reward"
        if isinstance(self.scored, Reward):
            got = f"earned {self.scored.value:g} (right is {self.right_at:g})"
        why = self.scored.note if isinstance(self.scored, Reward) else str(self.scored)
        what = "the reference answer" if trial.kind == "gold" else f"canary {trial.name!r}"
        line = f"{what} {_short(trial.response)!r} {got} on task {trial.task.id!r}"
        line += f", whose answer is {answer!r}" if trial.kind == "canary" else ""
        return f"{line}: {_short(' '.join(why.split()), 200)}" if why else line


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of trying gold answers and canaries. Empty: there was nothing to try."""

    findings: tuple[Finding, ...] = ()
    unwritten: int = 0
    """Tasks whose gold answer nobody knew how to write."""

    @property
    def failed_gold(self) -> list[Finding]:
        """Gold answers that were not paid."""
        return [f for f in self.findings if f.trial.kind == "gold" and not f.is_paid]

    @property
    def paid_canaries(self) -> list[Finding]:
        """Canaries that were."""
        return [f for f in self.findings if f.trial.kind == "canary" and f.is_paid]

    def to_metrics(self) -> Metrics:
        """Shares of gold answers and canaries that were paid; {} when nothing was tried."""
        row: Metrics = {}
        for kind in ("gold", "canary"):
            found = [finding for finding in self.findings if finding.trial.kind == kind]
            if found:
                row[f"trust/{kind}_paid"] = fmean(finding.is_paid for finding in found)
        if row:
            errors = sum(not isinstance(finding.scored, Reward) for finding in self.findings)
            row["trust/probe_errors"] = float(errors)
        return row

    def problems(self, settings: Trust) -> list[str]:
        """Why no run should learn from this reward, examples first; [] if it may."""
        row, lines = self.to_metrics(), []
        if row.get("trust/gold_paid", 1.0) < settings.min_gold_frac:
            number = sum(finding.trial.kind == "gold" for finding in self.findings)
            lines += _examples(self.failed_gold, number, "reference answers fail their own reward")
            lines.append(
                "  say how a right answer is written with trust.gold (such as 'Answer: {answer}'), "
                "set env.success_at to what one earns, or correct the data"
            )
        if row.get("trust/canary_paid", 0.0) > settings.max_canary_frac:
            number = sum(finding.trial.kind == "canary" for finding in self.findings)
            lines += _examples(self.paid_canaries, number, "canaries are paid as right answers")
            lines.append("  look closer with guerdon reward stress, and choose a stricter reward")
        if lines:
            lines.append("  trust.gate=false starts the run all the same")
        return lines


async def probe(
    env: Env, tasks: Sequence[Task], models: Models, settings: Trust, *key: object
) -> Probe:
    """Try the gold answers of ``settings.num_tasks`` tasks, and each canary on one of them.

    Which tasks: those first in an order derived from ``key``, domains taking turns.
    """
    chosen = choose(env, tasks, settings.num_tasks, *key)
    golds = await asyncio.gather(
        *(_try_gold(env, task, models, settings.gold, *key) for task in chosen)
    )
    worth = {
        found.trial.task.id: found.scored.value
        for found in golds
        if found is not None and isinstance(found.scored, Reward)
    }
    trials = []
    for trial in _canary_trials(env, chosen, settings.gold):
        right_at = _grades(env, trial.task).success_at
        right_at = worth.get(trial.task.id) if right_at is None else right_at
        if right_at is not None:
            trials.append((trial, right_at))
    tried = await asyncio.gather(
        *(_try(env, trial, right_at, models, *key) for trial, right_at in trials)
    )
    written = [found for found in golds if found is not None]
    return Probe((*written, *tried), unwritten=len(golds) - len(written))


def choose(env: Env, tasks: Sequence[Task], number: int, *key: object) -> list[Task]:
    """Tasks that can be tried, domains taking turns."""
    by_domain: dict[str, list[Task]] = {}
    for task in tasks:
        if task.answer is not None and _graded_by(env, task) is not None:
            by_domain.setdefault(task.domain, []).append(task)
    first = [
        heapq.nsmallest(number, found, key=lambda task: derive_seed("probe", *key, task.id))
        for _, found in sorted(by_domain.items())
    ]
    turns = chain.from_iterable(zip_longest(*first))
    return list(islice((task for task in turns if task is not None), number))


def _graded_by(env: Env, task: Task) -> Grades | None:
    while isinstance(env, Routes):
        env = env.env_of(task)
    return env if isinstance(env, Grades) else None


def _grades(env: Env, task: Task) -> Grades:
    found = _graded_by(env, task)
    assert found is not None, "`choose` takes graded tasks only"
    return found


async def _try(env: Env, trial: Trial, right_at: float, models: Models, *key: object) -> Finding:
    reward = _grades(env, trial.task).reward
    scored = await score(reward, trial.task, trial.response, models, *key, trial.name)
    return Finding(trial, scored, right_at)


async def _try_gold(
    env: Env, task: Task, models: Models, template: str | None, *key: object
) -> Finding | None:
    """The first way of writing the gold answer that is paid, else the first; None: there is none.

    Where nobody says what success is, any reward at all is taken: canaries must earn less.
    """
    graded = _grades(env, task)
    right_at = float("-inf") if graded.success_at is None else graded.success_at
    first = None
    for response in gold_responses(graded.reward, task, template):
        found = await _try(env, Trial("gold", "gold", task, response), right_at, models, *key)
        if found.is_paid:
            return found
        first = first or found
    return first


def _canary_trials(env: Env, tasks: Sequence[Task], template: str | None) -> Iterator[Trial]:
    """Each canary on the next task on which it is one, and the answers of other tasks."""
    names = dict.fromkeys(canary.name for task in tasks for canary in canaries(task))
    for number, name in enumerate(names):
        for task in (*tasks[number % len(tasks) :], *tasks[: number % len(tasks)]):
            found = next((canary for canary in canaries(task) if canary.name == name), None)
            if found is not None:
                yield Trial("canary", name, task, found.text)
                break
    for task in tasks:
        other = next((o for o in tasks if o.domain == task.domain and differ(o, task)), None)
        if other is not None and other.answer is not None:
            text = saying(_grades(env, task).reward, task, other.answer, template)
            yield Trial("canary", "the answer of another task", task, text)


def differ(other: Task, task: Task) -> bool:
    """Whether the answer of one is wrong for the other, beyond doubt: two plain numbers, or two
    texts of words that share none."""
    a, b = (one.answer or "" for one in (other, task))
    numbers = _number(a), _number(b)
    if None not in numbers:
        return numbers[0] != numbers[1]
    words = set(a.casefold().split()), set(b.casefold().split())
    plain = all(word.isalpha() for word in words[0] | words[1])
    return bool(words[0] and words[1]) and plain and not words[0] & words[1] and not says(a, task)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _examples(findings: Sequence[Finding], number: int, what: str) -> list[str]:
    lines = [f"trust.gate: {len(findings)} of {number} {what}:"]
    lines += [f"  {finding}" for finding in findings[:SHOWN]]
    return lines + ([f"  ... and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else [])


def _short(text: str, most: int = 80) -> str:
    text = " ".join(text.split()) if len(text) > most else text
    return text if len(text) <= most else f"{text[: most - 3]}..."
