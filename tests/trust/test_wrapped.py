"""Engines that are counted or given other seeds."""

import asyncio

from guerdon.engines.loopback import LoopbackEngine
from guerdon.engines.scripted import ScriptedEngine
from guerdon.trust.wrapped import CALLS, counted, reseeded
from guerdon.types import Model, Sampling


def test_calls_are_counted_where_they_are_made_and_the_original_is_left_alone() -> None:
    engine = ScriptedEngine(lambda prompt: "yes")
    model = counted(Model(engine))

    async def ask(times: int) -> int:
        calls = [0]
        CALLS.set(calls)
        for _ in range(times):
            await model.engine.generate((), Sampling())
        return calls[0]

    async def both():
        return await asyncio.gather(ask(2), ask(3))

    assert asyncio.run(both()) == [2, 3]
    assert isinstance(model.engine, ScriptedEngine) and "generate" not in vars(engine)


def test_seeds_differ_by_key_and_not_by_call() -> None:
    engine = ScriptedEngine(lambda prompt: "yes")
    for key in (1, 1, 2):
        asyncio.run(reseeded(Model(engine), key).engine.generate((), Sampling(seed=5)))
    first, again, other = (sampling.seed for _, sampling in engine.calls)
    assert first == again != other != 5


def test_what_an_engine_starts_is_the_originals() -> None:
    engine = LoopbackEngine(lambda asked: "yes")

    async def ask() -> None:
        asked = ({"role": "user", "content": "Hello"},)
        for key in (1, 2):
            await reseeded(Model(engine), key).engine.generate(asked, Sampling())
        assert engine.server is not None and engine.server.num_calls == 2
        await engine.close()

    asyncio.run(ask())
