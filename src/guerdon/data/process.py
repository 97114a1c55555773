"""Raw rows become rows to train on and rows to test on, the same ones on every machine.

    processed/<set>/train.jsonl, test.jsonl, meta.json
    mixed/train_mixed.jsonl, test_mixed.jsonl, info.json
    test/<set>_test.jsonl

A set that has a training split keeps it, and its other rows are tested on; the rows of one that has
none are divided 5 to 1. No problem is on both sides.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from guerdon.data.download import RawSet, raw_rows, read_manifest
from guerdon.data.sets.all_sets import SETS
from guerdon.data.sets.record import Domain, Record
from guerdon.errors import ConfigError
from guerdon.types import derive_seed

Mix = Literal["held_out", "guide"]
"""held_out: HumanEval and DROP are never trained on. guide: the training guide's, with HumanEval in
it, both sets of a domain equally often and domains 4 : 3 : 3."""

GUIDE_SHARES: dict[Domain, int] = {"math": 4, "qa": 3, "code": 3}
TRAIN_PARTS = 5
"""Of the rows of a set without a training split, so many to one are trained on."""

DUPLICATE = "a row repeated a problem and was left out"
OVERLAP = "a training row asked what a test row asks and was left out"


@dataclass
class SetReport:
    """What became of the rows of one set."""

    name: str
    rows: int = 0
    train: int = 0
    test: int = 0
    divided: bool = False
    """The set has no training split: its rows were divided."""
    notes: Counter[str] = field(default_factory=Counter)
    bad_rows: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For meta.json."""
        return {**vars(self), "notes": dict(self.notes)}


def process(
    out: Path,
    *,
    mix: Mix = "held_out",
    names: Sequence[str] = (),
    seed: int = 42,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[SetReport]:
    """Write ``out/processed``, ``out/mixed`` and ``out/test`` from ``out/raw``.

    Args:
        names: which sets; none: all that are there.
        seed: of the order of rows and of what is divided.

    Raises:
        ConfigError: nothing was downloaded, a file changed, or nothing is left to train on.
    """
    raw = read_manifest(out)
    lacking = [name for name in names if name not in raw]
    if lacking or not raw:
        what = " ".join(lacking)
        raise ConfigError(f"{out / 'raw'} has no {what or 'data set'}: run `guerdon data download`")
    chosen = {name: one for name, one in raw.items() if not names or name in names}
    reports, train, test = [], {}, {}
    for number, (name, one) in enumerate(chosen.items()):
        progress(name, number, len(chosen))
        report = SetReport(name)
        records = _read(out, one, report)
        held_out = SETS[name].held_out and (mix == "held_out" or name == "drop")
        train[name], test[name] = _divide(records, report, seed, held_out=held_out)
        reports.append(report)
    progress("", len(chosen), len(chosen))
    for report in reports:
        _write_set(out, report, train[report.name], test[report.name])
    _write_mixed(out, train, test, mix, seed)
    return reports


def _read(out: Path, one: RawSet, report: SetReport) -> list[Record]:
    """The distinct records of a set."""
    found: dict[str, Record] = {}
    asked: set[str] = set()
    for row, split, where in raw_rows(out, one):
        report.rows += 1
        try:
            records = SETS[one.name].read(row, split)
        except (ValueError, KeyError, TypeError) as error:
            report.bad_rows.append(f"{where}: {error}")
            continue
        for record in records:
            if record.id in found or record.key in asked:
                report.notes[DUPLICATE] += 1
                found.update(_more_certain(found.get(record.id), record))
            else:
                found[record.id] = record
                asked.add(record.key)
    if not found:
        raise ConfigError(f"{one.name}: all {report.rows} rows are malformed, the first: "
                          f"{report.bad_rows[0]}")  # fmt: skip
    return list(found.values())


def _more_certain(kept: Record | None, again: Record) -> dict[str, Record]:
    """A problem that some file calls a test problem is one."""
    if kept is None or again.split in ("all", "train") or kept.split not in ("all", "train"):
        return {}
    return {kept.id: replace(kept, split=again.split)}


def _divide(
    records: Sequence[Record], report: SetReport, seed: int, *, held_out: bool
) -> tuple[list[Record], list[Record]]:
    """Training and test records, in an order of their own; a set that is held out has the latter
    only."""
    order = sorted(records, key=lambda record: derive_seed(seed, "order", record.id))
    train = [record for record in order if record.split == "train"]
    test = [record for record in order if record.split != "train"]
    report.divided = not held_out and (not train or not test)
    if held_out:
        train, test = [], test or train
    if report.divided:
        cut = len(order) - max(1, len(order) // (TRAIN_PARTS + 1)) if len(order) > 1 else 0
        train, test = order[:cut], order[cut:]
    asked = {record.key for record in test}
    kept = [record for record in train if record.key not in asked]
    report.notes[OVERLAP] += len(train) - len(kept)
    report.train, report.test = len(kept), len(test)
    return kept, test


def _write_set(
    out: Path, report: SetReport, train: Iterable[Record], test: Iterable[Record]
) -> None:
    folder = out / "processed" / report.name
    _write_rows(folder / "train.jsonl", train)
    _write_rows(folder / "test.jsonl", test)
    _write_rows(out / "test" / f"{report.name}_test.jsonl", test)
    _write_json(folder / "meta.json", report.to_json())


def _write_mixed(
    out: Path,
    train: Mapping[str, Sequence[Record]],
    test: Mapping[str, Sequence[Record]],
    mix: Mix,
    seed: int,
) -> None:
    if mix == "guide":
        mixed = _guide_mix(train, seed)
        tested = _guide_mix({name: rows for name, rows in test.items() if train[name]}, seed)
    else:
        mixed = [record for rows in train.values() for record in rows]
        tested = [record for rows in test.values() for record in rows]
    if not mixed:
        raise ConfigError(
            f"no set that may be trained on is in {out / 'raw'}; download one, or use --mix guide"
        )
    mixed.sort(key=lambda record: derive_seed(seed, "mixed", record.id))
    _write_rows(out / "mixed" / "train_mixed.jsonl", mixed)
    _write_rows(out / "mixed" / "test_mixed.jsonl", tested)
    info = {
        "mix": mix,
        "seed": seed,
        "train": _counts(mixed),
        "test": _counts(tested),
    }
    _write_json(out / "mixed" / "info.json", info)


def _guide_mix(rows: Mapping[str, Sequence[Record]], seed: int) -> list[Record]:
    """As many rows of each set of a domain as of the largest (rows are repeated), and domains in
    the guide's shares, as far as the smallest one reaches."""
    domains: dict[Domain, list[Record]] = {}
    for domain in GUIDE_SHARES:
        groups = [each for name, each in rows.items() if SETS[name].domain == domain and each]
        most = max(map(len, groups), default=0)
        domains[domain] = [
            _repeated(group[number % len(group)], number // len(group))
            for number in range(most)
            for group in groups
        ]
    present = {domain: found for domain, found in domains.items() if found}
    share = min(len(found) // GUIDE_SHARES[domain] for domain, found in present.items())
    picked = []
    for domain, found in present.items():
        found.sort(key=lambda record: derive_seed(seed, "guide", record.id))
        picked += found[: share * GUIDE_SHARES[domain]]
    return picked


def _repeated(record: Record, times: int) -> Record:
    """A row that comes again has an id of its own, or the task pool would take it once."""
    return record if times == 0 else replace(record, id=f"{record.id}#{times + 1}")


def _counts(records: Iterable[Record]) -> dict[str, Any]:
    records = list(records)
    return {
        "rows": len(records),
        "domains": dict(sorted(Counter(record.domain for record in records).items())),
        "datasets": dict(sorted(Counter(record.dataset for record in records).items())),
    }


def _write_rows(path: Path, records: Iterable[Record]) -> None:
    lines = [json.dumps(record.to_json(), ensure_ascii=False) for record in records]
    _write(path, "".join(f"{line}\n" for line in lines))


def _write_json(path: Path, value: Any) -> None:
    _write(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
