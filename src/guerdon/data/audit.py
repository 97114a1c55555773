"""Is processed data sound? Rows fit the schema, no problem is on both sides, tests are apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from guerdon.data.records import read_records, refuse_overlap
from guerdon.data.sets import checks
from guerdon.data.sets.record import Record
from guerdon.errors import ConfigError

MIXED = ("mixed/train_mixed.jsonl", "mixed/test_mixed.jsonl")


@dataclass
class Audit:
    """What was found in a data folder."""

    problems: list[str] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """File -> rows by data set."""


def audit(out: Path) -> Audit:
    """Read every processed file and collect all that is wrong."""
    found = Audit()
    files = sorted([*out.glob("processed/*/*.jsonl"), *out.glob("mixed/*.jsonl")])
    if not files:
        found.problems.append(f"{out}: nothing is processed; run `guerdon data process`")
        return found
    rows: dict[str, list[Record]] = {}
    for path in files:
        name = path.relative_to(out).as_posix()
        if not path.stat().st_size:
            continue
        try:
            rows[name] = read_records(path)
        except ConfigError as error:
            found.problems += error.problems
            continue
        found.counts[name] = Counter(record.dataset for record in rows[name])
        found.problems += [f"{name}: {line}" for line in _rows(rows[name])]
    pairs = [(name, name.replace("/train", "/test")) for name in rows if "/train" in name]
    for train, test in pairs:
        if test in rows:
            try:
                refuse_overlap(rows[train], rows[test], train, test)
            except ConfigError as error:
                found.problems += error.problems
    return found


def _rows(records: list[Record]) -> Iterator[str]:
    """What is wrong with the rows of a file."""
    repeated = [name for name, count in Counter(r.id for r in records).items() if count > 1]
    if repeated:
        yield f"{len(repeated)} ids come more than once, the first: {repeated[0]}"
    for record in records:
        if record.domain == "qa" and not record.context:
            yield f"{record.id}: a question without its context"
        if record.domain == "code":
            try:
                both = checks.overlap(record.hidden_test, record.public_tests)
            except ValueError as error:
                yield f"{record.id}: {error}"
                continue
            if both:
                yield f"{record.id}: a public test is a hidden one, too: {both[0]}"
