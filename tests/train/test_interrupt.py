import asyncio
import os
import signal

import pytest

from guerdon.train.interrupt import Interrupt, Interrupted


def test_a_signal_cancels_what_waits_and_tells():
    async def main():
        interrupt = Interrupt()
        with interrupt.listening():
            asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
            with pytest.raises(Interrupted):
                await interrupt.run(asyncio.sleep(30))
        return interrupt.requested

    assert asyncio.run(main())


def test_work_that_does_not_wait_is_finished_first():
    async def busy():
        os.kill(os.getpid(), signal.SIGTERM)
        return 42

    async def main():
        interrupt = Interrupt()
        with interrupt.listening():
            assert await interrupt.run(busy()) == 42
            with pytest.raises(Interrupted):
                await interrupt.run(busy())

    asyncio.run(main())


def test_a_second_signal_stops_at_once():
    async def stubborn():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    async def main():
        interrupt = Interrupt()
        with interrupt.listening():
            await interrupt.run(stubborn())

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt().listening():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
