"""Fetch public data sets as raw rows: from a folder with their original files, or from the hub.

    raw/<domain>/<set>.jsonl    {"split": ..., "source": "file:line", "row": the original row}
    raw/manifest.json           for each set: its sources and the SHA-256 of everything

A set whose sources and rows are as the manifest says is not read again; a set is there as a whole
or not at all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from guerdon.data.hub import HubUnreachable, read_dataset
from guerdon.data.readers import SUFFIXES, read_file
from guerdon.data.sets.all_sets import SETS
from guerdon.data.sets.record import PublicSet, Split
from guerdon.errors import ConfigError

MANIFEST = "manifest.json"

_SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "dev": "validation", "val": "validation",
    "valid": "validation", "validate": "validation", "validation": "validation", "test": "test",
}  # fmt: skip

Progress = Callable[[str, int, int], None]
"""(what, done, in all)."""


@dataclass(frozen=True)
class Source:
    """A file, or a split of the hub, that a set was read from."""

    name: str
    split: Split
    rows: int
    sha256: str
    """Of the file; of a hub data set, its fingerprint there."""


@dataclass(frozen=True)
class RawSet:
    """What the manifest says of a set."""

    name: str
    file: str
    sha256: str
    rows: int
    sources: tuple[Source, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Files with a fitting name that were not taken, and why."""


def download(
    sets: Sequence[PublicSet],
    out: Path,
    *,
    folder: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> tuple[dict[str, RawSet], dict[str, str]]:
    """Fetch sets into ``out/raw``.

    Args:
        folder: where the original files are, at any depth; None: the hub.

    Returns:
        The sets that are there now, and why others are not.

    Raises:
        ConfigError: none is there, the folder is missing, or the hub cannot be reached; the sets
            before are there all the same.
    """
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"no folder {str(folder)!r} to take data sets from")
    raw = out / "raw"
    known = read_manifest(out)
    found: dict[str, RawSet] = {}
    missing: dict[str, str] = {}
    for number, one in enumerate(sets):
        progress(one.name, number, len(sets))
        try:
            fetch = _from_hub(one) if folder is None else _from_folder(one, folder)
            found[one.name] = _write(one, fetch, raw, known.get(one.name))
        except HubUnreachable:
            raise
        except ConfigError as error:
            missing[one.name] = error.problems[0]
            continue
        known[one.name] = found[one.name]
        _write_manifest(raw, known)
    progress("", len(sets), len(sets))
    if not found:
        raise ConfigError([f"{name}: {why}" for name, why in missing.items()])
    return found, missing


def read_manifest(out: Path) -> dict[str, RawSet]:
    """The sets that ``out/raw`` holds by its manifest; none without one.

    Raises:
        ConfigError: it cannot be read.
    """
    path = out / "raw" / MANIFEST
    if not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: RawSet(**{**one, "sources": tuple(Source(**s) for s in one["sources"])})
            for name, one in kept.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: no manifest ({error}); remove it and download again") from None


def raw_rows(out: Path, one: RawSet) -> Iterator[tuple[Mapping[str, Any], Split, str]]:
    """Rows of a set, with their split and where they came from.

    Raises:
        ConfigError: the file is not the one the manifest speaks of.
    """
    path = out / "raw" / one.file
    if not path.is_file() or checksum(path) != one.sha256:
        raise ConfigError(
            f"{path}: missing or changed since it was downloaded (its SHA-256 differs from the "
            f"manifest's); run `guerdon data download {one.name}` again"
        )
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry["row"], entry["split"], entry["source"]


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- where rows come from ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fetch:
    """Sources known before anything is read, and how to read them."""

    stamps: Mapping[str, str]
    """Source -> SHA-256; {}: only reading will tell."""
    read: Callable[[], tuple[list[tuple[Source, list[Mapping[str, Any]]]], dict[str, str]]]


def _from_folder(one: PublicSet, folder: Path) -> _Fetch:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and any(suffix in SUFFIXES for suffix in path.suffixes)
        and re.search(one.files, path.relative_to(folder).as_posix().lower())
    )
    if not files:
        raise ConfigError(f"no file of it in {folder}")
    stamps = {path.relative_to(folder).as_posix(): checksum(path) for path in files}

    def read() -> tuple[list[tuple[Source, list[Mapping[str, Any]]]], dict[str, str]]:
        taken, skipped = [], {}
        for path, (name, stamp) in zip(files, stamps.items(), strict=True):
            try:
                rows = [row.values for row in read_file(path).rows]
            except ConfigError as error:
                skipped[name] = error.problems[0]
                continue
            if not rows or not one.accepts(rows[0]):
                skipped[name] = "its rows are not of this set's format"
            else:
                taken.append((Source(name, split_of(name), len(rows), stamp), rows))
        if not taken:
            why = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
            raise ConfigError(f"no file of it in {folder} ({why})")
        return taken, skipped

    return _Fetch(stamps, read)


def _from_hub(one: PublicSet) -> _Fetch:
    def read() -> tuple[list[tuple[Source, list[Mapping[str, Any]]]], dict[str, str]]:
        taken = []
        for name, split in one.hub.splits.items():
            table = read_dataset(one.hub.name, subset=one.hub.subset, split=name)
            rows = [row.values for row in table.rows]
            stamp = hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()
            taken.append((Source(f"{one.hub.name}[{name}]", split, len(rows), stamp), rows))
        return taken, {}

    return _Fetch({}, read)


def split_of(name: str) -> Split:
    """The split that a file's path names, the part nearest to the file first; "all" if none."""
    for part in reversed(name.lower().split("/")):
        for word in re.split(r"[^a-z]+", part):
            if word in _SPLITS:
                return _SPLITS[word]
    return "all"


# --- what is written -----------------------------------------------------------------------------


def _write(one: PublicSet, fetch: _Fetch, raw: Path, known: RawSet | None) -> RawSet:
    if known is not None and _is_current(known, fetch, raw):
        return known
    taken, skipped = fetch.read()
    path = raw / one.domain / f"{one.name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for source, rows in taken:
            for number, row in enumerate(rows, 1):
                entry = {"split": source.split, "source": f"{source.name}:{number}", "row": row}
                file.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
    part.replace(path)
    return RawSet(
        name=one.name,
        file=f"{one.domain}/{one.name}.jsonl",
        sha256=checksum(path),
        rows=sum(source.rows for source, _ in taken),
        sources=tuple(source for source, _ in taken),
        skipped=skipped,
    )


def _is_current(known: RawSet, fetch: _Fetch, raw: Path) -> bool:
    """Whether the rows that are there are those of the sources; of the hub, that they are whole."""
    path = raw / known.file
    if not path.is_file() or checksum(path) != known.sha256:
        return False
    if not fetch.stamps:
        return all(source.name.startswith(SETS[known.name].hub.name) for source in known.sources)
    stamps = {source.name: source.sha256 for source in known.sources}
    return stamps.items() <= fetch.stamps.items() and (
        fetch.stamps.keys() == stamps.keys() | known.skipped.keys()
    )


def _write_manifest(raw: Path, known: Mapping[str, RawSet]) -> None:
    path = raw / MANIFEST
    part = path.with_suffix(".part")
    text = json.dumps({name: asdict(one) for name, one in known.items()}, indent=1)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
