"""Cache: answers that were given stay given, in SQLite, across runs, tasks and processes.

The key is everything an answer depends on: model, revision, messages or prompt, sampling
parameters, sample index. It leaves out who answers and who asks, so the same model behind another
address finds the same answers. Only answers are kept; a failure never is.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from guerdon.errors import CacheMiss, ConfigError
from guerdon.llm.reply import Reply
from guerdon.llm.store import connect

Mode = Literal["off", "read_write", "replay"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, model TEXT NOT NULL, request TEXT NOT NULL, reply TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID
"""


class Cache:
    """Replies by request.

    A lookup takes some ten microseconds and a write no file-system flush, so both happen in the
    event loop: a thread would cost more than it saves.

    Args:
        path: the file; None keeps replies in memory.
        mode: off neither reads nor writes; replay only reads, and a miss is an error.
    """

    def __init__(self, path: str | Path | None = None, mode: Mode = "read_write") -> None:
        self.mode = mode
        self.path = path
        if mode == "replay" and (path is None or not Path(path).is_file()):
            raise ConfigError(
                f"cache replay needs the file of an earlier run, and {str(path)!r} is none"
            )
        self._db: sqlite3.Connection | None = None
        if mode != "off":
            self._db = connect(path, _SCHEMA)

    @property
    def is_on(self) -> bool:
        return self._db is not None

    def get(self, key: bytes, what: str) -> Reply | None:
        """The reply to a request, if there is one.

        Raises:
            CacheMiss: there is none, and none may be asked for.
        """
        if self._db is None:
            return None
        row = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return Reply.load(row[0])
        if self.mode == "replay":
            raise CacheMiss(
                f"no answer of {what} to this request in {str(self.path)!r} (key "
                f"{key.hex()[:16]}): replay needs a record of the same requests; with cache "
                f"read_write it would be asked for"
            )
        return None

    def put(self, key: bytes, request: Mapping[str, Any], reply: Reply) -> None:
        """Keep an answer; the first one stays."""
        if self._db is not None and self.mode == "read_write" and reply.outcome != "refused":
            row = (key, str(request.get("model")), canonical(request), reply.dump(), time.time())
            self._db.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file; the cache is off from now on."""
        if self._db is not None:
            self._db.close()
            self._db = None


def key_of(request: Mapping[str, Any]) -> bytes:
    """The 32 bytes that name a request: equal for equal content, whatever the order of its keys."""
    return hashlib.sha256(canonical(request).encode()).digest()


def canonical(request: Mapping[str, Any]) -> str:
    """One JSON text for equal requests."""
    return _ENCODER.encode(request)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
