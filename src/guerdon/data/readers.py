"""Rows of a JSON, JSONL, TXT or parquet file, each with the place it came from.

A row that cannot be read is a line in ``Table.bad_rows``, not an exception, so that all of them are
reported at once. What a row means is ``guerdon.data.rows``'s business.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from guerdon.errors import ConfigError

T = TypeVar("T")

SUFFIXES = (".json", ".jsonl", ".ndjson", ".txt", ".parquet")
LIST_KEYS = ("data", "examples", "rows")
"""A JSON object that is not a row itself holds its rows under one of these."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record and where it stands: "train.jsonl:3", "train.parquet row 3"."""

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one source; ``bad_rows`` says where and why others could not be read."""

    name: str
    rows: tuple[Row, ...]
    bad_rows: tuple[str, ...]


def read_file(path: Path) -> Table:
    """Read all rows of ``path``, whose suffix (before ``.gz``) says what it is.

    Raises:
        ConfigError: no such file, an unknown suffix, a file that cannot be read, or no rows.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file{_similar(path)}")
    suffix = _suffix(path)
    if suffix == ".parquet":
        entries = _parquet(path)
    elif suffix == ".json":
        entries = _json(path, _bytes(path))
    elif suffix in (".jsonl", ".ndjson"):
        entries = _jsonl(path, _bytes(path))
    elif suffix == ".txt":
        entries = _txt(path, _bytes(path))
    else:
        known = " ".join(SUFFIXES)
        raise ConfigError(f"{path}: unknown kind of file; use one of {known} (and .gz of the text)")
    rows, bad_rows = [], []
    for where, value in entries:
        if isinstance(value, Mapping):
            rows.append(Row(where, value))
        else:
            bad_rows.append(f"{where}: {value}")
    if not rows and not bad_rows:
        raise ConfigError(f"{path}: the file has no rows")
    return Table(str(path), tuple(rows), tuple(bad_rows))


def each_row(path: Path, convert: Callable[[Row], T], max_bad_rows: int = 0) -> list[T]:
    """What ``convert`` makes of each row; a ``ValueError`` or ``KeyError`` is a malformed row, and
    so many of them are left out.

    Raises:
        ConfigError: the file cannot be read, or rows are malformed; names the first few.
    """
    table = read_file(path)
    return convert_all(table.name, table.rows, convert, table.bad_rows, max_bad_rows)


def convert_all(
    name: str,
    rows: Iterable[Row],
    convert: Callable[[Row], T],
    bad_rows: Iterable[str] = (),
    max_bad_rows: int = 0,
) -> list[T]:
    """Like `each_row`, for rows that are read already."""
    found, bad = [], list(bad_rows)
    for row in rows:
        try:
            found.append(convert(row))
        except KeyError as error:
            bad.append(f"{row.where}: no {error.args[0]!r}; its keys: {', '.join(row.values)}")
        except (ValueError, TypeError) as error:
            bad.append(f"{row.where}: {error}")
    refuse_bad_rows(name, len(found) + len(bad), bad, max_bad_rows)
    return found


def refuse_bad_rows(name: str, num_rows: int, bad_rows: Sequence[str], max_bad_rows: int) -> None:
    """Raise a ``ConfigError`` with the count and the first few if there are too many, or only
    such."""
    if len(bad_rows) <= max_bad_rows and len(bad_rows) < num_rows:
        return
    if len(bad_rows) == num_rows:
        raise ConfigError(f"{name}: all {num_rows} rows are malformed, the first: {bad_rows[0]}")
    shown = [f"  {problem}" for problem in bad_rows[:5]]
    if len(bad_rows) > len(shown):
        shown.append(f"  ... and {len(bad_rows) - len(shown)} more")
    raise ConfigError(
        [
            f"{name}: {len(bad_rows)} of {num_rows} rows are malformed; correct them, or skip them"
            f" with max_bad_rows={len(bad_rows)}",
            *shown,
        ]
    )


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _similar(path: Path) -> str:
    if not path.parent.is_dir():
        return f" (nor is there a folder {path.parent})"
    others = sorted(p.name for p in path.parent.iterdir() if _suffix(p) in SUFFIXES)
    return f"; its folder has {', '.join(others[:5])}" if others else ""


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix.lower() == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


Entries = Iterator[tuple[str, Mapping[str, Any] | str]]
"""(where, row) or, of a malformed row, (where, what is wrong)."""


def _lines(path: Path, data: bytes) -> Entries:
    """Lines that are not blank, as ``{"prompt": line}``. Only newlines end a line: JSON may hold
    other separators."""
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            where = f"{path.name}:{number}"
            try:
                yield where, {"prompt": line.decode().strip()}
            except UnicodeDecodeError:
                yield where, "not UTF-8 text"


def _txt(path: Path, data: bytes) -> Entries:
    yield from _lines(path, data)


def _jsonl(path: Path, data: bytes) -> Entries:
    for where, line in _lines(path, data):
        if isinstance(line, str):
            yield where, line
            continue
        try:
            yield where, _as_row(_parse(line["prompt"]))
        except ValueError as error:
            yield where, f"not JSON: {error}"


def _json(path: Path, data: bytes) -> Entries:
    """A list of rows, an object holding one, or one JSON object per line whatever the suffix."""
    try:
        content = _parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except ValueError as error:
        first_line = next((line for _, line in _lines(path, data)), "")
        if isinstance(first_line, Mapping) and _is_object(first_line["prompt"]):
            yield from _jsonl(path, data)
            return
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if isinstance(content, dict):
        lists = [content[key] for key in LIST_KEYS if isinstance(content.get(key), list)]
        content = lists[0] if lists else [content]
    if not isinstance(content, list):
        raise ConfigError(f"{path}: expected a list of rows, found {_kind(content)}")
    for number, value in enumerate(content, 1):
        yield f"{path.name} item {number}", _as_row(value)


def _parquet(path: Path) -> Entries:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{path}: cannot be read as parquet: {reason}") from error
    for number, row in enumerate(rows, 1):
        yield f"{path.name} row {number}", row


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _is_object(text: str) -> bool:
    try:
        return isinstance(_parse(text), dict)
    except ValueError:
        return False


def _as_row(value: Any) -> Mapping[str, Any] | str:
    if isinstance(value, str):
        return {"prompt": value}
    return value if isinstance(value, dict) else f"expected an object, found {_kind(value)}"


def _kind(value: Any) -> str:
    kinds = {list: "a list", dict: "an object", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "null" if value is None else "a number")
