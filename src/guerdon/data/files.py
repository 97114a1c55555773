"""``TaskFile``: tasks from a file or a data set, as ``tasks:`` names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from guerdon.data.hub import read_dataset
from guerdon.data.readers import SUFFIXES, Table, read_file, refuse_bad_rows
from guerdon.data.rows import RowFormat, prompt_key_of, read_task
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, LoadReport, TaskSets
from guerdon.types import Task, derive_seed

DUPLICATE = "a row repeated an earlier one and was left out"
SAME_PROMPT = "a task asks the same as an earlier one, with another answer or id"
OVERLAP = "a training task asked the same as a held-out one and was left out"
TOO_LONG = "a prompt was over max_prompt_tokens and was left out"
OVER_LIMIT = "a training task was over the limit and was left out"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class TaskFile(RowFormat):
    """Tasks from JSON, JSONL, TXT (one prompt a line) or parquet, a folder, or the hub."""

    path: str
    """A file, a folder of data files, or the name of a data set on the hub."""
    subset: str | None = None
    """Of a folder or a hub data set: which configuration."""
    split: str = "train"
    """Of a folder or a hub data set: which split to train on."""
    eval_path: str | None = None
    """Held-out tasks; without it and ``eval_split``, some of ``path`` are held out."""
    eval_split: str | None = None
    """Of a folder or a hub data set: which split is held out."""
    num_held_out: int = 200
    """Prompts held out of ``path``, chosen by content; at most a tenth of them."""
    max_prompt_tokens: int | None = None
    """Longer prompts are left out and counted."""
    limit: int | None = None
    """Training tasks to keep, the first ones."""
    shuffle: bool = False
    """Put training tasks in an order derived from ``seed`` before ``limit``."""
    seed: int = 0
    max_bad_rows: int = 0
    """Malformed rows to skip, per file; one more is an error."""

    def __post_init__(self) -> None:
        smallest = {"num_held_out": 0, "max_prompt_tokens": 1, "limit": 1, "max_bad_rows": 0}
        values = {name: getattr(self, name) for name in smallest}
        problems = [
            f"{name}={values[name]} must be at least {least}"
            for name, least in smallest.items()
            if values[name] is not None and values[name] < least
        ]
        if problems:
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """What is wrong with the data, found without a tokenizer; empty if nothing is."""
        try:
            self._split(*self._read())
        except ConfigError as error:
            return error.problems
        return []

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Read, split and filter. No held-out prompt is also a training prompt.

        Raises:
            ConfigError: missing, empty or malformed data, no task short enough, or
                ``max_prompt_tokens`` without ``count_tokens``; lists every problem.
        """
        train_rows, eval_rows = self._read()
        train, held_out, notes = self._split(train_rows, eval_rows)
        if self.max_prompt_tokens is not None:
            train, held_out = self._shorten(train, held_out, count_tokens, notes)
        if self.shuffle:
            train.sort(key=lambda task: derive_seed(self.seed, "shuffle", task.id))
        if self.limit is not None:
            notes[OVER_LIMIT] = max(0, len(train) - self.limit)
            train = train[: self.limit]
        sources = [rows for rows in (train_rows, eval_rows) if rows is not None]
        report = LoadReport(
            source=" + ".join(rows.name for rows in sources),
            num_rows=sum(rows.num_rows for rows in sources),
            num_train=len(train),
            num_held_out=len(held_out),
            notes=dict(notes),
            bad_rows=tuple(problem for rows in sources for problem in rows.bad_rows),
        )
        return TaskSets(tuple(train), tuple(held_out), report)

    def _read(self) -> tuple[_TaskRows, _TaskRows | None]:
        """The rows to train on and those of the evaluation file; the problems of both at once."""
        problems: list[str] = []
        train = _collect(problems, lambda: self._read_one(self.path, self.split))
        evaluation = None
        if self.eval_path is not None or self.eval_split is not None:
            path, split = self.eval_path or self.path, self.eval_split or self.split
            evaluation = _collect(problems, lambda: self._read_one(path, split))
            if path == self.path and (split == self.split or Path(path).is_file()):
                problems.append(f"eval_path={path} is also the data to train on: name other data")
        if problems or train is None:
            raise ConfigError(problems)
        return train, evaluation

    def _read_one(self, path: str, split: str) -> _TaskRows:
        rows = _read_tasks(_read_table(path, self.subset, split), self)
        refuse_bad_rows(rows.name, rows.num_rows, rows.bad_rows, self.max_bad_rows)
        return rows

    def _split(
        self, train_rows: _TaskRows, eval_rows: _TaskRows | None
    ) -> tuple[list[Task], list[Task], Counter[str]]:
        notes = Counter(train_rows.notes)
        if eval_rows is None:
            held_out = _hold_out(train_rows.tasks, self.num_held_out)
            held_ids = {task.id for task in held_out}
            return [t for t in train_rows.tasks if t.id not in held_ids], held_out, notes
        notes.update(eval_rows.notes)
        asked = {prompt_key_of(task) for task in eval_rows.tasks}
        train = [task for task in train_rows.tasks if prompt_key_of(task) not in asked]
        notes[OVERLAP] = len(train_rows.tasks) - len(train)
        if not train:
            raise ConfigError(f"{self.path}: every task is also in {self.eval_path}")
        return train, list(eval_rows.tasks), notes

    def _shorten(
        self,
        train: list[Task],
        held_out: list[Task],
        count_tokens: CountTokens | None,
        notes: Counter[str],
    ) -> tuple[list[Task], list[Task]]:
        if count_tokens is None:
            raise ConfigError(
                f"max_prompt_tokens={self.max_prompt_tokens} needs a tokenizer: call"
                " load(count_tokens=...)"
            )
        limit = self.max_prompt_tokens or 0
        lengths = [count_tokens(task.prompt) for task in train]
        kept = [task for task, length in zip(train, lengths, strict=True) if length <= limit]
        if not kept:
            raise ConfigError(
                f"{self.path}: no prompt has at most max_prompt_tokens={limit} tokens; the"
                f" shortest has {min(lengths)}"
            )
        kept_out = [task for task in held_out if count_tokens(task.prompt) <= limit]
        notes[TOO_LONG] = len(train) - len(kept) + len(held_out) - len(kept_out)
        return kept, kept_out


@dataclass(frozen=True, slots=True)
class _TaskRows:
    """The distinct tasks of one file."""

    name: str
    num_rows: int
    tasks: tuple[Task, ...]
    notes: Counter[str]
    bad_rows: tuple[str, ...]


def _read_table(path: str, subset: str | None, split: str) -> Table:
    file = Path(path).expanduser()
    names_file = any(suffix.lower() in SUFFIXES for suffix in file.suffixes)
    if file.is_file() or (names_file and not file.is_dir()):
        return read_file(file)
    return read_dataset(str(file) if file.is_dir() else path, subset=subset, split=split)


def _read_tasks(table: Table, row_format: RowFormat) -> _TaskRows:
    tasks: dict[str, Task] = {}
    places: dict[str, str] = {}
    notes: Counter[str] = Counter()
    bad_rows = list(table.bad_rows)
    for row in table.rows:
        try:
            read = read_task(row.values, row_format)
            task = read.task
            if task.id not in tasks:
                tasks[task.id], places[task.id] = task, row.where
                notes.update(read.notes)
            elif (task.prompt, task.answer) == (tasks[task.id].prompt, tasks[task.id].answer):
                notes[DUPLICATE] += 1
            else:
                raise ValueError(f"the id {task.id!r} is that of another task, {places[task.id]}")
        except ValueError as error:
            bad_rows.append(f"{row.where}: {error}")
    notes[SAME_PROMPT] = len(tasks) - len({prompt_key_of(task) for task in tasks.values()})
    num_rows = len(table.rows) + len(table.bad_rows)
    return _TaskRows(table.name, num_rows, tuple(tasks.values()), notes, tuple(bad_rows))


def _hold_out(tasks: tuple[Task, ...], num_held_out: int) -> list[Task]:
    """The tasks whose prompts have the smallest hashes: the same ones however rows are ordered."""
    keys = sorted({prompt_key_of(task) for task in tasks})
    count = min(num_held_out, max(1, len(keys) // 10)) if len(keys) > 1 else 0
    held = set(keys[:count])
    chosen = [task for task in tasks if prompt_key_of(task) in held]
    return sorted(chosen, key=lambda task: (prompt_key_of(task), task.id))


def _collect(problems: list[str], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ConfigError as error:
        problems += error.problems
        return None
