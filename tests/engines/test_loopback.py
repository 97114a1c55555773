"""A scripted model behind a server of this process."""

import asyncio

import pytest

from guerdon.engines.loopback import LoopbackEngine
from guerdon.errors import ConfigError, TransportError
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.types import Engine, Sampling

ASKED = ({"role": "user", "content": "Hello"},)


def ask(engine, *seeds):
    async def work():
        try:
            return [await engine.generate(ASKED, Sampling(seed=seed)) for seed in seeds]
        finally:
            await engine.close()

    return asyncio.run(work())


def test_it_serves_from_the_first_request_on_and_answers_by_the_script():
    engine = LoopbackEngine(lambda asked: asked.text.upper())
    assert isinstance(engine, Engine) and engine.server is None
    assert [reply.text for reply in ask(engine, 1)] == ["HELLO"]
    assert engine.server is None


def test_cache_and_ledger_of_the_run_are_used():
    ledger = Ledger()
    engine = LoopbackEngine(lambda asked: "yes", role="judge", cache=Cache(), ledger=ledger)
    ask(engine, 1, 1, 2)
    (row,) = ledger.rows()
    assert row["role"] == "judge" and row["calls"] == 2


def test_an_outage_longer_than_the_clients_patience_is_an_error_and_a_shorter_one_is_not():
    impatient = LoopbackEngine(lambda asked: "yes", outage=(0.0, 60.0), max_attempts=2)
    with pytest.raises(TransportError):
        ask(impatient, 1)
    patient = LoopbackEngine(lambda asked: "yes", outage=(0.0, 0.3))
    assert [reply.text for reply in ask(patient, 1)] == ["yes"]


def test_an_outage_that_ends_before_it_begins_is_refused():
    with pytest.raises(ConfigError, match="outage"):
        LoopbackEngine(lambda asked: "yes", outage=(5.0, 1.0))
