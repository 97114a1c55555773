"""Meter: what the calls made inside a block of code used and cost, whoever else calls meanwhile.

    with billing() as bill:
        await something_that_asks_models()
    print(bill.usd, bill.paid_usd)

Clients and ledgers tell the bills that are open in their context, so concurrent blocks do not see
each other's calls. Blocks may be nested; a call is on all bills around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from guerdon.llm.prices import NANO
from guerdon.llm.reply import Usage


@dataclass
class Bill:
    """The calls of one block.

    ``usd`` is what the answers are worth at the price list, from the cache or not: it does not
    depend on who asked first. ``paid_usd`` is what the ledger was charged for this block, failed
    attempts included and cached answers not; the bills of all blocks add up to the ledger.
    """

    num_answers: int = 0
    num_cached: int = 0
    num_unknown: int = 0
    """Answers whose tokens the server did not tell."""
    tokens_in: int = 0
    tokens_out: int = 0
    nano_usd: int = 0
    paid_nano_usd: int = 0

    @property
    def usd(self) -> float:
        """US dollars at the price list."""
        return self.nano_usd / NANO

    @property
    def paid_usd(self) -> float:
        """US dollars charged to the ledger."""
        return self.paid_nano_usd / NANO


_BILLS: ContextVar[tuple[Bill, ...]] = ContextVar("guerdon_bills", default=())


@contextmanager
def billing() -> Iterator[Bill]:
    """A bill for the calls made inside the block, those of tasks it starts included."""
    bill = Bill()
    token = _BILLS.set((*_BILLS.get(), bill))
    try:
        yield bill
    finally:
        _BILLS.reset(token)


def note_answer(usage: Usage, nano_usd: int, *, is_cached: bool) -> None:
    """An answer was given to whoever asks in this context."""
    for bill in _BILLS.get():
        bill.num_answers += 1
        bill.num_cached += is_cached
        bill.num_unknown += not usage.is_known
        bill.tokens_in += usage.tokens_in or 0
        bill.tokens_out += usage.tokens_out or 0
        bill.nano_usd += nano_usd


def note_charge(nano_usd: int) -> None:
    """The ledger was charged for a call of this context."""
    for bill in _BILLS.get():
        bill.paid_nano_usd += nano_usd
