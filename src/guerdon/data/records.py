"""``RecordFile``: tasks from rows of public data sets, as ``guerdon data process`` writes them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from guerdon.data.readers import each_row
from guerdon.data.sets.checks import CANDIDATE
from guerdon.data.sets.record import Record, from_json
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, LoadReport, TaskSets
from guerdon.types import Task

TOO_LONG = "a prompt was over max_prompt_tokens and was left out"
NO_WEIGHT = "a task's domain has weight 0 and was left out"


@dataclass(frozen=True, kw_only=True)
class RecordFile:
    """Tasks with the domain, the tests and the context of their rows.

    Args:
        path: rows to train on.
        eval_path: rows that are held out; a problem in both files is an error.
        weights: the share of each domain in training; None: every task equally often. Domains that
            are left out of it, or have 0, are not trained on.
        limit: training tasks to keep, the first ones.
        max_prompt_tokens: longer prompts are left out and counted.
    """

    path: str
    eval_path: str | None = None
    weights: dict[str, float] | None = None
    limit: int | None = None
    max_prompt_tokens: int | None = None

    def __post_init__(self) -> None:
        problems = [
            f"weights.{name}={weight} must be a number of at least 0"
            for name, weight in (self.weights or {}).items()
            if not 0 <= weight < float("inf")
        ]
        problems += [f"limit={self.limit} must be at least 1"] * (self.limit == 0)
        if problems:
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """What is wrong with the files, found without a tokenizer; empty if nothing is."""
        try:
            replace(self, max_prompt_tokens=None).load()
        except ConfigError as error:
            return error.problems
        return []

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Read both files.

        Raises:
            ConfigError: a missing or malformed file, a problem that is in both, a domain with a
                weight and without tasks.
        """
        train = read_records(self.path)
        held_out = [] if self.eval_path is None else read_records(self.eval_path)
        if self.eval_path is not None:
            refuse_overlap(train, held_out, self.path, self.eval_path)
        num_rows, notes = len(train) + len(held_out), {}
        weights = {name: weight for name, weight in (self.weights or {}).items() if weight}
        if self.weights is not None:
            kept = [record for record in train if record.domain in weights]
            notes[NO_WEIGHT] = len(train) - len(kept)
            lacking = sorted(weights.keys() - {record.domain for record in kept})
            if lacking:
                raise ConfigError(f"{self.path}: weights names {lacking[0]}, which has no rows")
            train = kept
        tasks, others = list(map(to_task, train)), list(map(to_task, held_out))
        if self.max_prompt_tokens is not None:
            before = len(tasks) + len(others)
            tasks, others = self._short(tasks, count_tokens), self._short(others, count_tokens)
            notes[TOO_LONG] = before - len(tasks) - len(others)
        tasks = tasks[: self.limit]
        source = " + ".join(path for path in (self.path, self.eval_path) if path)
        report = LoadReport(source, num_rows, len(tasks), len(others), notes)
        return TaskSets(tuple(tasks), tuple(_in_turn(others)), report, weights or None)

    def _short(self, tasks: list[Task], count_tokens: CountTokens | None) -> list[Task]:
        if count_tokens is None:
            raise ConfigError("max_prompt_tokens needs a tokenizer: call load(count_tokens=...)")
        most = self.max_prompt_tokens or 0
        return [task for task in tasks if count_tokens(task.prompt) <= most]


def read_records(path: str | Path) -> list[Record]:
    """The records of a file of rows.

    Raises:
        ConfigError: it is missing or malformed; names file and line.
    """
    return each_row(Path(path).expanduser(), lambda row: from_json(row.values))


def to_task(record: Record) -> Task:
    """A record as a task: its prompt is the problem with its context."""
    info: dict[str, Any] = {"dataset": record.dataset, "problem_type": record.domain}
    if record.answers:
        info["answers"] = list(record.answers)
    if record.metadata.get("is_unanswerable"):
        info["is_impossible"] = True
    if record.domain == "code":
        info |= {
            "entry_point": record.entry_point,
            "public_tests": list(record.public_tests),
            "tests": literal_tests(record.hidden_test, record.entry_point),
            "check": record.test,
            "hidden_check": record.hidden_test,
            "setup": record.setup,
            "solution": record.reference_answer,
        }
    return Task(
        id=record.id,
        prompt=({"role": "user", "content": record.problem},),
        answer=record.reference_answer,
        domain=record.domain,
        info=info,
    )


def literal_tests(check: str, entry_point: str) -> list[str]:
    """The assertions of a ``check`` that stand by themselves, in terms of the function's name."""
    module = ast.parse(check)
    body = [one for f in module.body if isinstance(f, ast.FunctionDef) and f.name == "check"
            for one in f.body]  # fmt: skip
    found = []
    for one in body:
        if isinstance(one, ast.Assert) and CANDIDATE in ast.dump(one):
            for node in ast.walk(one):
                if isinstance(node, ast.Name) and node.id == CANDIDATE:
                    node.id = entry_point
            found.append(ast.unparse(ast.Assert(one.test)))
    return found


def refuse_overlap(
    train: Iterable[Record], held_out: Iterable[Record], train_name: str, held_out_name: str
) -> None:
    """Raise a ``ConfigError`` if a problem is on both sides, by its id or by what it asks."""
    ids = {record.id: record.id for record in train}
    keys = {record.key: record.id for record in train}
    both = [(r.id, ids.get(r.id) or keys.get(r.key)) for r in held_out
            if r.id in ids or r.key in keys]  # fmt: skip
    if both:
        (one, other) = both[0]
        raise ConfigError(
            f"{len(both)} problems of {held_out_name} are in {train_name}, too, the first: {one} "
            f"(there {other}); run `guerdon data process` again, which keeps them apart"
        )


def _in_turn(tasks: Iterable[Task]) -> Iterable[Task]:
    """Held-out tasks with the sets taking turns, so that the first few cover all of them."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.info["dataset"], []).append(task)
    longest = max(map(len, groups.values()), default=0)
    for number in range(longest):
        yield from (group[number] for group in groups.values() if number < len(group))
