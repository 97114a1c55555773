"""Ledger: what every call cost, and a cap that no call can break.

Before a call, the most it may cost is taken from the budget in one SQLite statement; after it, the
difference is given back. So tasks and processes that share a file cannot overshoot together. What
a killed process had reserved stays spent: nobody knows whether those calls were billed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guerdon.errors import BudgetExceeded
from guerdon.llm import meter
from guerdon.llm.prices import NANO
from guerdon.llm.reply import Usage
from guerdon.llm.store import connect, transaction
from guerdon.types import Metrics

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    at REAL NOT NULL, role TEXT NOT NULL, step INTEGER NOT NULL, model TEXT NOT NULL,
    host TEXT NOT NULL, outcome TEXT NOT NULL, tokens_in INTEGER, tokens_out INTEGER,
    cached_in INTEGER NOT NULL, seconds REAL NOT NULL, nano_usd INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS cache_hits (
    role TEXT NOT NULL, step INTEGER NOT NULL, model TEXT NOT NULL, num INTEGER NOT NULL,
    PRIMARY KEY (role, step, model)
);
CREATE TABLE IF NOT EXISTS spent (
    id INTEGER PRIMARY KEY CHECK (id = 1), nano_usd INTEGER NOT NULL
);
INSERT OR IGNORE INTO spent VALUES (1, 0);
"""

_INSERT = "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_TABLE = """
SELECT role, model, SUM(calls) AS calls, SUM(failed) AS failed, SUM(cached) AS cached,
    SUM(tokens_in) AS tokens_in, SUM(tokens_out) AS tokens_out, SUM(seconds) AS seconds,
    SUM(nano) / 1e9 AS usd
FROM (
    SELECT role, model, 1 AS calls, outcome IN ('failed', 'cancelled') AS failed, 0 AS cached,
        COALESCE(tokens_in, 0) AS tokens_in, COALESCE(tokens_out, 0) AS tokens_out, seconds,
        nano_usd AS nano
    FROM calls
    UNION ALL SELECT role, model, 0, 0, num, 0, 0, 0.0, 0 FROM cache_hits
)
GROUP BY role, model ORDER BY role, model
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was sent."""

    role: str
    """Who asked: the model's name in `models`."""
    model: str
    host: str
    outcome: str
    """ok, truncated, refused, failed, or cancelled by us."""
    usage: Usage
    seconds: float
    nano_usd: int


class Ledger:
    """Tokens, seconds and money of every call, by role and step.

    Args:
        path: the file; None keeps it in memory.
        budget_usd: calls that could bring the sum above it are not made; None: no cap. What the
            file says was spent before counts.
    """

    def __init__(self, path: str | Path | None = None, budget_usd: float | None = None) -> None:
        self.path, self.budget_usd = path, budget_usd
        self.step = 0
        """The training step that calls are made for; the loop sets it."""
        self._db = connect(path, _SCHEMA)
        self._num_open = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._hits: Counter[tuple[str, int, str]] = Counter()
        self._recent: defaultdict[str, Counter[str]] = defaultdict(Counter)

    @property
    def spent_usd(self) -> float:
        """Money spent, that of calls under way at their most included."""
        return float(self._db.execute("SELECT nano_usd FROM spent").fetchone()[0]) / NANO

    async def reserve(self, nano_usd: int, role: str) -> None:
        """Set aside the most a call may cost; waits while calls under way may give some back.

        Raises:
            BudgetExceeded: the call might not fit, and nothing will be given back.
        """
        while not self._take(nano_usd):
            if not self._num_open:
                raise BudgetExceeded(
                    f"${self.spent_usd:.6g} of the budget of ${self.budget_usd:g} are spent and "
                    f"the next call of {role!r} may cost ${nano_usd / NANO:.6g}; raise "
                    f"llm.budget_usd to go on"
                )
            change = asyncio.get_running_loop().create_future()
            self._waiting.append(change)
            await change
        self._num_open += 1

    def settle(self, reserved: int, call: Call) -> None:
        """Replace what was reserved by what the call cost, and write the call down."""
        usage = call.usage
        who = (time.time(), call.role, self.step, call.model, call.host, call.outcome)
        what = (usage.tokens_in, usage.tokens_out, usage.cached_in, call.seconds, call.nano_usd)
        self._num_open -= 1
        meter.note_charge(call.nano_usd)
        with transaction(self._db):
            self._add(call.nano_usd - reserved)
            self._db.execute(_INSERT, (*who, *what))
        recent = self._recent[call.role]
        recent["calls"] += 1
        recent["failed"] += call.outcome in ("failed", "cancelled")
        recent["tokens_in"] += usage.tokens_in or 0
        recent["tokens_out"] += usage.tokens_out or 0
        recent["nano_usd"] += call.nano_usd
        recent["micro_s"] += round(call.seconds * 1e6)
        for change in self._waiting:
            if not change.done():
                change.set_result(None)
        self._waiting.clear()

    def hit(self, role: str, model: str) -> None:
        """Count an answer that came from the cache."""
        self._hits[role, self.step, model] += 1
        self._recent[role]["cached"] += 1

    def drain(self) -> Metrics:
        """What happened since the last call of this, for a row of metrics."""
        self._write_hits()
        metrics: Metrics = {}
        for role, counts in sorted(self._recent.items()):
            for name in ("calls", "failed", "cached", "tokens_in", "tokens_out"):
                metrics[f"llm/{role}/{name}"] = float(counts[name])
            metrics[f"llm/{role}/usd"] = counts["nano_usd"] / NANO
            if counts["calls"]:
                metrics[f"time/llm_{role}_s"] = counts["micro_s"] / 1e6 / counts["calls"]
        self._recent.clear()
        return metrics

    def rows(self) -> list[dict[str, Any]]:
        """The table at the end, one row for each role and model, and one for money whose calls
        were lost with the process that made them."""
        self._write_hits()
        cursor = self._db.execute(_TABLE)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        lost = self.spent_usd - sum(row["usd"] for row in rows)
        if not self._num_open and lost > 0.5 / NANO:
            rows.append(dict.fromkeys(names, 0) | {"role": "(lost)", "model": "", "usd": lost})
        return rows

    def close(self) -> None:
        """Write what is left and close the file."""
        self._write_hits()
        self._db.close()

    def _take(self, nano_usd: int) -> bool:
        if self.budget_usd is None:
            self._add(nano_usd)
            return True
        fits = self._db.execute(
            "UPDATE spent SET nano_usd = nano_usd + ? WHERE nano_usd + ? <= ?",
            (nano_usd, nano_usd, round(self.budget_usd * NANO)),
        )
        return fits.rowcount == 1 or nano_usd == 0

    def _add(self, nano_usd: int) -> None:
        if nano_usd:
            self._db.execute("UPDATE spent SET nano_usd = nano_usd + ?", (nano_usd,))

    def _write_hits(self) -> None:
        if not self._hits:
            return
        with transaction(self._db):
            for key, num in self._hits.items():
                self._db.execute(
                    "INSERT INTO cache_hits VALUES (?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET num = num + excluded.num",
                    (*key, num),
                )
        self._hits.clear()
