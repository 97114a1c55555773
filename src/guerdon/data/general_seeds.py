"""GeneralSeeds: the first questions of general self-play, from MATH, HumanEval and MT-Bench.

Each set by its name on the hub, or as a local file in its original format. Where the hub cannot be
reached, questions of our own (`starter`) take a set's place, and the report says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, Literal

from guerdon.data.hub import read_dataset
from guerdon.data.readers import SUFFIXES, Table, read_file, refuse_bad_rows
from guerdon.data.rows import RowFormat, prompt_key_of, read_task
from guerdon.data.starter import starter_tasks
from guerdon.errors import ConfigError
from guerdon.tasks import CountTokens, LoadReport, TaskSets
from guerdon.types import Message, Task, derive_seed

COMPLETE = "Complete this Python function. Reply with the whole function and explain it briefly."


@dataclass(frozen=True, kw_only=True)
class GeneralSeeds:
    """Seed questions from three data sets in equal shares, each spread evenly over the set's own
    kinds: type and level of MATH, category of MT-Bench.

    Of MT-Bench the first turn is asked. What a set says about a right answer (MATH's solution,
    HumanEval's, MT-Bench's reference) is ``task.answer``, for judges that use it.

    Args:
        math, humaneval, mt_bench: a file in the set's original format, or a name on the hub; None:
            without the set.
        num_seeds: questions to begin with.
        num_held_out: further ones, for evaluation.
        starter: whether questions of our own replace a set the hub does not give: ``if_needed``,
            ``never`` (an error then), or ``only``, and no set is read.
        seed: decides which ones.
    """

    math: str | None = "DigitalLearningGmbH/MATH-lighteval"
    humaneval: str | None = "openai/openai_humaneval"
    mt_bench: str | None = "HuggingFaceH4/mt_bench_prompts"
    num_seeds: int = 100
    num_held_out: int = 30
    starter: Literal["if_needed", "never", "only"] = "if_needed"
    seed: int = 0

    def __post_init__(self) -> None:
        problems = [
            f"GeneralSeeds: {name}={getattr(self, name)} must be at least {least}"
            for name, least in {"num_seeds": 1, "num_held_out": 0}.items()
            if getattr(self, name) < least
        ]
        if self.starter != "only" and not self._paths():
            problems.append("GeneralSeeds: no data set is named; name one, or set starter: only")
        if problems:
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """What is wrong with the local files; the hub is asked when the run begins."""
        lines = []
        for name, path in self._paths().items():
            try:
                if _is_file(path):
                    _read(name, path)
            except ConfigError as error:
                lines += [f"{name}: {line}" for line in error.problems]
        return lines

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Read the sets, draw from them, and say what came of it.

        Raises:
            ConfigError: a local file is missing or malformed; there are too few questions; or a set
                cannot be had and ``starter`` is ``never``.
        """
        wanted = self.num_seeds + self.num_held_out
        sets: dict[str, list[Task]] = {}
        missing: dict[str, ConfigError] = {}
        for name, path in self._paths().items():
            try:
                sets[name] = _read(name, path)
            except ConfigError as error:
                if _is_file(path) or self.starter == "never":
                    raise
                missing[name] = error
        places = list(missing) or (["starter"] if self.starter == "only" else [])
        own = starter_tasks(wanted, self.seed) if places else []
        sets |= {name: own[i :: len(places)] for i, name in enumerate(places)}
        chosen = list(islice(_different(self._in_turn(sets)), wanted))
        if len(chosen) < wanted:
            raise ConfigError(
                f"GeneralSeeds: num_seeds + num_held_out = {wanted}, and the data sets have only "
                f"{len(chosen)} different questions: ask for fewer"
            )
        train, held_out = chosen[self.num_held_out :], chosen[: self.num_held_out]
        notes = {_warning(name, error): 1 for name, error in missing.items()}
        domains = Counter(task.domain for task in train)
        notes |= {f"seed is of {name}": count for name, count in sorted(domains.items())}
        num_rows = sum(map(len, sets.values()))
        report = LoadReport("seeds of self-play", num_rows, len(train), len(held_out), notes)
        return TaskSets(tuple(train), tuple(held_out), report)

    def _paths(self) -> dict[str, str]:
        if self.starter == "only":
            return {}
        given = {"math": self.math, "humaneval": self.humaneval, "mt_bench": self.mt_bench}
        return {name: path for name, path in given.items() if path is not None}

    def _in_turn(self, sets: Mapping[str, list[Task]]) -> Iterator[Task]:
        """A question of each set, then another of each; every set spread over its kinds."""
        spread = [self._spread(name, tasks) for name, tasks in sets.items()]
        turns = chain.from_iterable(zip_longest(*spread))
        return (task for task in turns if task is not None)

    def _spread(self, name: str, tasks: list[Task]) -> Iterator[Task]:
        kinds: dict[str, list[Task]] = defaultdict(list)
        for task in sorted(tasks, key=lambda task: derive_seed(self.seed, name, task.id)):
            kinds[str(task.info["kind"])].append(task)
        order = sorted(kinds, key=lambda kind: derive_seed(self.seed, name, "kind", kind))
        turns = chain.from_iterable(zip_longest(*(kinds[kind] for kind in order)))
        return (task for task in turns if task is not None)


# --- the sets ------------------------------------------------------------------------------------


def _math(row: Mapping[str, Any]) -> tuple[str, str | None, str]:
    task = read_task(row, RowFormat(prompt_key="problem")).task
    kind = f"{row.get('type', row.get('subject', ''))}, {row.get('level', '')}"
    return task.prompt[-1]["content"], str(row.get("solution") or task.answer), kind


def _humaneval(row: Mapping[str, Any]) -> tuple[str, str | None, str]:
    for key in ("prompt", "canonical_solution"):
        if not isinstance(row.get(key), str):
            raise ValueError(f"no {key!r}; its keys: {', '.join(row)}")
    return f"{COMPLETE}\n\n{row['prompt']}", f"{row['prompt']}{row['canonical_solution']}", "code"


def _mt_bench(row: Mapping[str, Any]) -> tuple[str, str | None, str]:
    turns = row.get("turns") or row.get("prompt")
    if not isinstance(turns, list) or not turns or not isinstance(turns[0], str):
        raise ValueError(f"no list of turns ('turns' or 'prompt'); its keys: {', '.join(row)}")
    references = row.get("reference") or [None]
    return turns[0], references[0] or None, str(row.get("category", ""))


_READERS: dict[str, Callable[[Mapping[str, Any]], tuple[str, str | None, str]]] = {
    "math": _math,
    "humaneval": _humaneval,
    "mt_bench": _mt_bench,
}
_SPLITS = {"math": "train", "humaneval": "test", "mt_bench": "train"}
"""Of the data sets on the hub."""


def _read(name: str, path: str) -> list[Task]:
    """The questions of one set.

    Raises:
        ConfigError: it cannot be had, or has rows that are not of its format.
    """
    table = _table(name, path)
    tasks, bad_rows = [], list(table.bad_rows)
    for number, row in enumerate(table.rows):
        try:
            question, answer, kind = _READERS[name](row.values)
        except ValueError as error:
            bad_rows.append(f"{row.where}: {error}")
            continue
        prompt: Message = {"role": "user", "content": question}
        info = {"kind": kind, "row": row.where}
        tasks.append(Task(f"{name}/{number}", (prompt,), answer, name, info))
    refuse_bad_rows(table.name, len(table.rows) + len(table.bad_rows), bad_rows, 0)
    return tasks


def _table(name: str, path: str) -> Table:
    file = Path(path).expanduser()
    if _is_file(path):
        return read_file(file)
    return read_dataset(str(file) if file.is_dir() else path, subset=None, split=_SPLITS[name])


def _is_file(path: str) -> bool:
    file = Path(path).expanduser()
    return file.is_file() or any(suffix in SUFFIXES for suffix in file.suffixes)


def _different(tasks: Iterable[Task]) -> Iterator[Task]:
    seen = set()
    for task in tasks:
        key = prompt_key_of(task)
        if key not in seen:
            seen.add(key)
            yield task


def _warning(name: str, error: ConfigError) -> str:
    return f"WARNING: questions of our own stand in for {name}, which cannot be had: {error}"
