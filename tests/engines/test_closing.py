"""What models opened is closed, and can be opened again."""

import asyncio

import pytest

from guerdon.engines.closing import then_close
from guerdon.engines.loopback import LoopbackEngine
from guerdon.engines.scripted import ScriptedEngine
from guerdon.types import Model, Sampling

HELLO = ({"role": "user", "content": "hello"},)


def test_servers_and_connections_are_closed_however_the_work_ends():
    judge = LoopbackEngine(lambda ask: "seven")
    models = {"judge": Model(judge), "policy": Model(ScriptedEngine(()))}

    async def ask():
        return (await judge.generate(HELLO, Sampling())).text, judge.server

    async def fail():
        await ask()
        raise ZeroDivisionError

    for _ in range(2):  # the second time it is opened again
        text, server = asyncio.run(then_close(ask(), models))
        assert text == "seven"
        assert judge.server is None
        with pytest.raises(ZeroDivisionError):
            asyncio.run(then_close(fail(), models))
        assert judge.server is None
        assert server.num_calls == 1
