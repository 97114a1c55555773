"""What concurrent workflows cost, with the real client, cache, ledger and server."""

import asyncio

import pytest

from guerdon.engines.remote import RemoteEngine
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.meter import billing
from guerdon.llm.prices import NANO, Price
from guerdon.llm.testing import ScriptedServer
from guerdon.types import Model, Sampling
from guerdon.workflow import Inputs, Limits, Task, check, run, shipped_catalog
from guerdon.workflow.meter import ledger_meter

CATALOG = shipped_catalog()
PRICE = Price(input=100.0, output=1000.0)


def play(programs, *, problems=None, **limits):
    """Workflows at once, each with its bill; returns them, the bills and the ledger in nano-$."""
    problems = problems or [f"problem {number}" for number in range(len(programs))]

    async def one(program, problem, models):
        read = check(program, CATALOG, Task("math", limits=Limits(max_calls=99))).program
        with billing() as bill:
            done = await run(read, CATALOG, Inputs(problem), models,
                             limits=Limits(**limits), meter=ledger_meter)  # fmt: skip
        return done, bill

    async def together():
        ledger = Ledger()
        faults = lambda number: "rate_limit" if number % 7 == 3 else None  # noqa: E731
        async with ScriptedServer(lambda ask: "four words of answer", faults=faults) as server:
            engine = RemoteEngine("scripted", base_url=server.url, price=PRICE, ledger=ledger,
                                  cache=Cache(), role="executor")  # fmt: skip
            models = {"executor": Model(engine, Sampling(max_tokens=50))}
            found = await asyncio.gather(
                *(one(*pair, models) for pair in zip(programs, problems, strict=True))
            )
            await engine.close()
        return found, round(ledger.spent_usd * NANO)

    found, spent = asyncio.run(together())
    return [done for done, _ in found], [bill for _, bill in found], spent


def test_sixteen_workflows_at_once_have_costs_of_their_own_that_sum_to_the_ledger():
    programs = [" -> ".join(["Custom"] * (1 + number % 5)) for number in range(16)]
    runs, bills, spent = play(programs)
    alone = [play([program], problems=[f"problem {n}"])[0][0] for n, program in enumerate(programs)]
    for done, bill, own in zip(runs, bills, alone, strict=True):
        assert (done.status, len(done.calls)) == ("ok", len(own.calls))
        assert done.usd == own.usd == pytest.approx(bill.paid_usd)
        assert done.num_tokens == own.num_tokens == bill.tokens_in + bill.tokens_out
    assert sum(bill.paid_nano_usd for bill in bills) == spent > 0


def test_members_pay_once_for_the_calls_they_share_and_each_is_worth_the_same():
    runs, bills, spent = play(["Custom*3 -> ScEnsemble"] * 8, problems=["one problem"] * 8)
    assert len({done.usd for done in runs}) == 1 and runs[0].usd > 0
    assert sum(bill.paid_nano_usd for bill in bills) == spent == bills[0].nano_usd
    assert sum(bill.num_cached for bill in bills) == 7 * 3


def test_budgets_of_tokens_and_money_end_a_workflow_and_keep_its_trace():
    program = "Custom -> Custom -> Custom"
    for limits in ({"max_tokens": 8}, {"max_usd": 0.00501}):
        (done,), (bill,), _ = play([program], **limits)
        assert (done.status, done.answer) == ("over_budget", None)
        assert 1 <= len(done.calls) < 3 and done.usd == pytest.approx(bill.usd)
