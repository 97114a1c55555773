"""Money: every call written down, and a cap that holds."""

import asyncio
import multiprocessing
import random

import pytest

from guerdon.errors import BudgetExceeded
from guerdon.llm.ledger import Call, Ledger
from guerdon.llm.prices import NANO
from guerdon.llm.reply import Usage

CENT = NANO // 100


USAGE = Usage(10, 2)


def call(nano_usd=CENT, role="judge", outcome="ok", usage=USAGE, seconds=0.5):
    return Call(role, "m", "host", outcome, usage, seconds, nano_usd)


def book(ledger, *calls):
    async def run():
        for one in calls:
            await ledger.reserve(one.nano_usd, one.role)
            ledger.settle(one.nano_usd, one)

    asyncio.run(run())


def test_metrics_of_a_step_are_by_role_and_start_over():
    ledger = Ledger()
    book(ledger, call(), call(outcome="failed", usage=Usage(), nano_usd=0), call(role="executor"))
    ledger.hit("judge", "m")
    assert ledger.drain() == {
        "llm/executor/calls": 1.0,
        "llm/executor/failed": 0.0,
        "llm/executor/cached": 0.0,
        "llm/executor/tokens_in": 10.0,
        "llm/executor/tokens_out": 2.0,
        "llm/executor/usd": 0.01,
        "time/llm_executor_s": 0.5,
        "llm/judge/calls": 2.0,
        "llm/judge/failed": 1.0,
        "llm/judge/cached": 1.0,
        "llm/judge/tokens_in": 10.0,
        "llm/judge/tokens_out": 2.0,
        "llm/judge/usd": 0.01,
        "time/llm_judge_s": 0.5,
    }
    assert ledger.drain() == {}


def test_the_table_is_of_the_whole_run_over_all_its_sittings(tmp_path):
    file = tmp_path / "llm.sqlite"
    first = Ledger(file)
    book(first, call(), call())
    first.hit("judge", "m")
    first.close()
    second = Ledger(file)
    second.step = 7
    book(second, call(outcome="failed", usage=Usage(), nano_usd=0))
    (row,) = second.rows()
    assert row == {
        "role": "judge",
        "model": "m",
        "calls": 3,
        "failed": 1,
        "cached": 1,
        "tokens_in": 20,
        "tokens_out": 4,
        "seconds": 1.5,
        "usd": 0.02,
    }
    assert [n for (n,) in second._db.execute("SELECT step FROM calls ORDER BY rowid")] == [0, 0, 7]


def test_what_a_killed_process_had_reserved_stays_spent(tmp_path):
    file = tmp_path / "llm.sqlite"
    killed = Ledger(file, budget_usd=0.05)
    asyncio.run(killed.reserve(3 * CENT, "judge"))
    again = Ledger(file, budget_usd=0.05)
    book(again, call(CENT))
    assert again.spent_usd == 0.04
    assert again.rows()[-1]["role"] == "(lost)"
    assert again.rows()[-1]["usd"] == pytest.approx(0.03)
    with pytest.raises(BudgetExceeded, match=r"\$0.04 of the budget of \$0.05 .* raise llm"):
        book(again, call(2 * CENT))


def test_a_call_waits_while_others_may_give_some_back_and_fails_when_none_will():
    async def run():
        ledger = Ledger(budget_usd=0.10)
        await ledger.reserve(8 * CENT, "judge")
        second = asyncio.ensure_future(ledger.reserve(5 * CENT, "judge"))
        await asyncio.sleep(0)
        assert not second.done()
        ledger.settle(8 * CENT, call(4 * CENT))
        await second
        third = asyncio.ensure_future(ledger.reserve(2 * CENT, "judge"))
        await asyncio.sleep(0)
        ledger.settle(5 * CENT, call(5 * CENT))
        with pytest.raises(BudgetExceeded):
            await third
        return ledger.spent_usd

    assert asyncio.run(run()) == 0.09


def test_the_budget_holds_with_many_calls_in_flight():
    async def run(seed):
        chance, ledger = random.Random(seed), Ledger(budget_usd=0.10)
        most_seen = 0.0

        async def one():
            nonlocal most_seen
            reserved = chance.randrange(CENT)
            await ledger.reserve(reserved, "judge")
            most_seen = max(most_seen, ledger.spent_usd)
            await asyncio.sleep(chance.random() * 1e-3)
            ledger.settle(reserved, call(chance.randrange(reserved + 1)))

        results = await asyncio.gather(*(one() for _ in range(200)), return_exceptions=True)
        refused = [error for error in results if isinstance(error, BudgetExceeded)]
        return ledger.spent_usd, most_seen, len(refused)

    for seed in range(5):
        spent, most_seen, num_refused = asyncio.run(run(seed))
        assert 0.08 < spent <= most_seen <= 0.10
        assert num_refused


def spend(file, pipe):
    async def run():
        ledger, num = Ledger(file, budget_usd=0.10), 0
        try:
            while True:
                await ledger.reserve(CENT // 7, "judge")
                ledger.settle(CENT // 7, call(CENT // 7))
                num += 1
        except BudgetExceeded:
            return num

    pipe.send(asyncio.run(run()))


def test_processes_share_one_budget(tmp_path):
    file = tmp_path / "llm.sqlite"
    Ledger(file).close()
    context = multiprocessing.get_context("fork")
    pipes, jobs = zip(
        *(
            (ours, context.Process(target=spend, args=(file, theirs)))
            for ours, theirs in (context.Pipe() for _ in range(3))
        ),
        strict=True,
    )
    for job in jobs:
        job.start()
    total = sum(pipe.recv() for pipe in pipes)
    for job in jobs:
        job.join()
    assert total == 10 * CENT // (CENT // 7)
