"""Limits and health of one server."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.llm.limits import Breaker, Limiter, Window


class Time:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(1, 20),
    amounts=st.lists(st.tuples(st.integers(1, 25), st.floats(0, 30)), max_size=40),
)
def test_no_window_holds_more_than_the_limit_unless_one_amount_alone_does(limit, amounts):
    clock = Time()
    window = Window(limit, 60.0, clock)
    taken = []
    for amount, pause in amounts:
        clock.now += pause
        while wait := window.wait_s(amount):
            clock.now += wait + 1e-9
        window.take(amount)
        taken.append((clock.now, amount))
    for end, _ in taken:
        inside = [amount for at, amount in taken if end - 60.0 < at <= end]
        assert sum(inside) <= limit or len(inside) == 1


def test_a_window_lets_the_next_one_in_as_soon_as_it_may():
    clock = Time()
    window = Window(3, 60.0, clock)
    for _ in range(3):
        window.take(1)
        clock.now += 10.0
    assert window.wait_s(1) == 30.0
    assert window.wait_s(2) == 40.0
    clock.now += 30.0
    assert window.wait_s(1) == 0.0


def test_tokens_corrected_after_the_call_make_room():
    clock = Time()
    window = Window(100, 60.0, clock)
    entry = window.take(90)
    assert window.wait_s(20) > 0
    entry.amount = 30
    assert window.wait_s(20) == 0


def test_never_more_calls_at_once_than_allowed():
    async def run() -> int:
        limiter = Limiter(max_concurrent=5)
        inside = most = 0

        async def one() -> None:
            nonlocal inside, most
            async with limiter.slot(1):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.001)
                inside -= 1

        await asyncio.gather(*(one() for _ in range(30)))
        return most

    assert asyncio.run(run()) == 5


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through():
    clock = Time()
    breaker = Breaker(threshold=3, cooldown_s=2.0, max_cooldown_s=5.0, clock=clock)
    for _ in range(2):
        breaker.fail(breaker.begin())
    breaker.succeed()
    for _ in range(3):
        assert breaker.wait_s() == 0
        breaker.fail(breaker.begin())
    assert breaker.wait_s() == 2.0

    clock.now += 2.0
    assert breaker.wait_s() == 0
    probe = breaker.begin()
    assert probe
    assert breaker.wait_s() > 0, "one probe at a time"
    breaker.fail(probe)
    breaker.end(probe)
    assert breaker.wait_s() == 4.0, "twice as long"

    clock.now += 4.0
    probe = breaker.begin()
    breaker.end(probe)
    assert breaker.wait_s() == 0, "a cancelled probe says nothing; the next may try"
    breaker.begin()
    breaker.succeed()
    assert breaker.is_closed


def test_calls_that_were_out_when_the_breaker_opened_do_not_prolong_it():
    clock = Time()
    breaker = Breaker(threshold=2, cooldown_s=2.0, clock=clock)
    calls = [breaker.begin() for _ in range(6)]
    for is_probe in calls:
        breaker.fail(is_probe)
        breaker.end(is_probe)
        clock.now += 0.1
    assert abs(breaker.wait_s() - 1.5) < 1e-9  # opened by the second, 0.5 s ago
