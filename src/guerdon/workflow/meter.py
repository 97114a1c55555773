"""What a workflow's model calls used, as the clients and the ledger of `llm` measured it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from guerdon.llm.meter import billing
from guerdon.workflow.trace import Usage


@contextmanager
def ledger_meter() -> Iterator[Usage]:
    """A meter for `interpret.run`; an engine that is no client of `llm` leaves it empty."""
    usage = Usage()
    with billing() as bill:
        yield usage
    if bill.num_answers:
        usage.usd, usage.paid_usd = bill.usd, bill.paid_usd
        usage.is_cached = bill.num_cached == bill.num_answers
        if not bill.num_unknown:
            usage.tokens_in, usage.tokens_out = bill.tokens_in, bill.tokens_out
