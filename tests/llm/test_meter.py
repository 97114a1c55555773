"""Bills: what a block of code used and cost, whoever else calls meanwhile."""

import asyncio

import pytest

from guerdon.engines.remote import RemoteEngine
from guerdon.errors import TransportError
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.meter import billing
from guerdon.llm.prices import NANO, Price
from guerdon.llm.testing import ScriptedServer
from guerdon.types import Sampling

PRICE = Price(input=100.0, output=1000.0)


def play(work, reply="one two three", cache=False, price=PRICE, **server):
    """``work(engine, server)`` on a server of ours; returns its result and the ledger's spending in
    nano-dollars."""

    async def run():
        ledger = Ledger()
        async with ScriptedServer(lambda ask: reply, **server) as at:
            engine = RemoteEngine(
                "scripted", base_url=at.url, price=price, ledger=ledger,
                cache=Cache() if cache else None, max_attempts=2, timeout_s=5.0,
            )  # fmt: skip
            found = await work(engine, at)
            await engine.close()
        return found, round(ledger.spent_usd * NANO)

    return asyncio.run(run())


def ask(engine, text, sample=0):
    return engine.generate(
        ({"role": "user", "content": text},), Sampling(max_tokens=8, seed=sample)
    )


def test_blocks_at_once_have_bills_of_their_own_that_sum_to_the_ledger():
    async def one(engine, number):
        with billing() as bill:
            for sample in range(number):
                await ask(engine, f"question {number} of many", sample)
        return bill

    async def work(engine, server):
        return await asyncio.gather(*(one(engine, number) for number in range(17)))

    bills, spent = play(work)
    for number, bill in enumerate(bills):
        assert (bill.num_answers, bill.num_cached) == (number, 0)
        assert (bill.tokens_in, bill.tokens_out) == (4 * number, 3 * number)
        assert bill.paid_nano_usd == bill.nano_usd == number * (4 * 100 + 3 * 1000) * 1000
    assert sum(bill.paid_nano_usd for bill in bills) == spent > 0


def test_a_cached_answer_is_worth_the_same_and_costs_nothing():
    async def work(engine, server):
        bills = []
        for _ in range(2):
            with billing() as bill:
                await asyncio.gather(ask(engine, "a b"), ask(engine, "a b"))
            bills.append(bill)
        return bills

    (first, second), spent = play(work, cache=True)
    assert first.usd == second.usd == pytest.approx(2 * (2 * 100 + 3 * 1000) / 1e6)
    assert (first.num_cached, second.num_cached) == (1, 2)
    assert (first.paid_nano_usd, second.paid_nano_usd) == (spent, 0)


def test_blocks_inside_each_other_share_their_calls():
    async def work(engine, server):
        with billing() as outer:
            await ask(engine, "a")
            with billing() as inner:
                await ask(engine, "b")
        await ask(engine, "c")
        return outer, inner

    (outer, inner), _ = play(work)
    assert (outer.num_answers, inner.num_answers) == (2, 1)


def test_failed_and_cut_off_calls_are_on_the_bill():
    async def work(engine, server):
        with billing() as failed, pytest.raises(TransportError):
            await ask(engine, "a")
        server.faults, server.latency_s = None, 3600.0
        with billing() as cut, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ask(engine, "b")
        return failed, cut

    (failed, cut), spent = play(work, cache=True, faults=lambda number: "garbage")
    assert failed.num_answers == cut.num_answers == 0
    assert failed.paid_nano_usd > 0 and cut.paid_nano_usd > 0
    assert failed.paid_nano_usd + cut.paid_nano_usd == spent
