"""Open the SQLite file that cache and ledger share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guerdon.errors import ConfigError

_BUSY_S = 60.0


def connect(path: str | Path | None, schema: str) -> sqlite3.Connection:
    """A connection that several tasks and processes may share a file through.

    Each statement is its own transaction. The write-ahead log lets readers and one writer work at
    once; without a flush per write a power cut may lose the last rows, a killed process none.

    Args:
        path: None: in memory.
        schema: statements that create what is missing.

    Raises:
        ConfigError: the file cannot be used.
    """
    try:
        if path is not None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(
            ":memory:" if path is None else str(path),
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(schema)
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"cannot use {str(path)!r} as cache and ledger: {error}") from error
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All statements of the block, or none."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
