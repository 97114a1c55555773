"""Calls of a model on servers that fail in every way; the servers are real, on loopback."""

import asyncio
import json
import re
import socket
import sqlite3
import time
from dataclasses import replace

import pytest

from guerdon.errors import BudgetExceeded, CacheMiss, ConfigError, TransportError
from guerdon.llm.answers import Answer
from guerdon.llm.cache import Cache
from guerdon.llm.client import Client, Patience, Request
from guerdon.llm.endpoint import Address
from guerdon.llm.ledger import Ledger
from guerdon.llm.prices import FREE, Price
from guerdon.llm.testing import ScriptedServer, random_faults

QUICK = Patience(timeout_s=5.0, backoff_s=0.001, max_backoff_s=0.01)
PRICE = Price(input=100.0, output=1000.0)


def echo(ask):
    return f"you said {ask.text}"


def request(text="hi", sample=0, **fields):
    body = {"model": "scripted", "messages": [{"role": "user", "content": text}], "max_tokens": 8}
    return Request("chat", body | fields, max_tokens=8, prompt_tokens=len(text) + 64, sample=sample)


def client(*servers, price=FREE, patience=QUICK, cache=None, ledger=None, **address):
    addresses = [Address(base_url=server.url, **address) for server in servers]
    return Client(
        "scripted", addresses, price, role="judge", patience=patience, cache=cache, ledger=ledger
    )


def ask_all(server, requests, **options):
    """Replies or errors of requests sent at once, and the client."""

    async def run():
        asking = client(server, **options)
        found = await asyncio.gather(*map(asking.ask, requests), return_exceptions=True)
        await asking.close()
        return found

    return asyncio.run(run())


def faulty(*kinds):
    """The first calls go wrong like this, later ones go well."""
    return lambda number: kinds[number] if number < len(kinds) else None


def test_a_reply_comes_with_its_outcome_and_usage():
    with ScriptedServer(echo) as server:
        (reply,) = ask_all(server, [request("good day")])
    assert (reply.text, reply.outcome, reply.is_cached) == ("you said good day", "ok", False)
    assert (reply.usage.tokens_in, reply.usage.tokens_out) == (2, 4)


def test_a_raw_completion_continues_a_prompt():
    with ScriptedServer(lambda ask: f"{ask.prompt} world") as server:
        body = {"model": "scripted", "prompt": "hello", "max_tokens": 4}
        (reply,) = ask_all(server, [Request("completion", body, 4, 64)])
    assert reply.text == "hello world"


def test_streamed_replies_are_the_same_replies():
    script = lambda ask: Answer("two  words", pieces=("two", "  words"), logprobs=(-1.0, -2.0))  # noqa: E731
    with ScriptedServer(script) as server:
        whole, pieces = ask_all(server, [request(), request(stream=True)])
    assert whole == pieces
    with ScriptedServer(echo, faults=faulty("refuse")) as server:
        (refused,) = ask_all(server, [request(stream=True)])
    assert (refused.outcome, refused.text) == ("refused", "I cannot help with that.")


@pytest.mark.parametrize("fault", ["error", "rate_limit", "garbage", "drop"])
def test_what_may_pass_is_tried_again(fault):
    with ScriptedServer(echo, faults=faulty(fault, fault)) as server:
        ledger = Ledger()
        (reply,) = ask_all(server, [request()], ledger=ledger)
        assert (reply.text, server.num_calls) == ("you said hi", 3)
    assert ledger.drain()["llm/judge/failed"] == 2


def test_a_call_that_hangs_is_cut_off_and_tried_again():
    with ScriptedServer(echo, faults=faulty("hang")) as server:
        patience = replace(QUICK, timeout_s=0.2)
        (reply,) = ask_all(server, [request()], patience=patience)
    assert reply.text == "you said hi"


def test_attempts_are_bounded_and_the_error_names_the_cause():
    with ScriptedServer(echo, faults=lambda number: "error") as server:
        (error,) = ask_all(server, [request()], patience=replace(QUICK, max_attempts=3))
        assert server.num_calls == 3
    assert isinstance(error, TransportError)
    assert re.fullmatch(
        r"judge 'scripted' at 127.0.0.1: HTTP 500: .*injected error.* \(3 attempts\)", str(error)
    )


def test_the_callers_mistake_is_never_tried_again():
    with ScriptedServer(echo) as server:
        errors = ask_all(server, [request(n=3), request(model="other")])
        assert all(isinstance(error, TransportError) for error in errors)
        assert "HTTP 400: n is not supported" in str(errors[0])
        assert "HTTP 404" in str(errors[1])
        assert server.num_calls == 0, "neither reached the script, and neither came twice"


def test_a_server_that_asks_to_wait_is_waited_for():
    with ScriptedServer(echo, faults=faulty("rate_limit"), retry_after_s=0.4) as server:
        started = time.monotonic()
        (reply,) = ask_all(server, [request()])
        assert reply.outcome == "ok"
        assert time.monotonic() - started >= 0.4


def test_no_server_is_an_error_with_the_reason():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"

    async def run():
        asking = Client("m", [Address(base_url=url)], PRICE, patience=QUICK, ledger=Ledger())
        with pytest.raises(TransportError, match="ClientConnectorError: Cannot connect"):
            await asking.ask(request())
        await asking.close()
        return asking.ledger.spent_usd

    assert asyncio.run(run()) == 0.0, "what was never sent was never billed"


def test_refused_and_truncated_are_outcomes_of_their_own():
    with ScriptedServer(echo, faults=faulty("refuse", "truncate")) as server:
        refused, truncated = ask_all(server, [request("a")]) + ask_all(server, [request("b")])
    assert (refused.outcome, refused.text) == ("refused", "I cannot help with that.")
    assert (truncated.outcome, truncated.text) == ("truncated", "you")


# --- the key -------------------------------------------------------------------------------------


def test_the_key_comes_from_the_environment_and_shows_nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("JUDGE_KEY", "sk-very-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    file = tmp_path / "llm.sqlite"

    with ScriptedServer(echo, api_key="sk-very-secret") as server:
        options = {"cache": Cache(file), "ledger": Ledger(file), "api_key_env": "JUDGE_KEY"}
        assert ask_all(server, [request()], **options)[0].outcome == "ok"
        (error,) = ask_all(server, [request()])
        assert "HTTP 401" in str(error)
        assert "sk-" not in str(error), "the key of another host is not sent, let alone shown"
    assert "sk-very-secret" not in "".join(sqlite3.connect(file).iterdump())


def test_a_key_that_a_server_echoes_is_redacted(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "sk-very-secret")
    with ScriptedServer(echo) as server:
        (error,) = ask_all(server, [request(model="sk-very-secret")], api_key_env="JUDGE_KEY")
    assert "no model '<redacted>' here" in str(error)


def test_a_missing_key_is_the_users_mistake(monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(ConfigError, match="JUDGE_KEY is not set"):
        Client("m", [Address(base_url="http://x/v1", api_key_env="JUDGE_KEY")], FREE)
    with pytest.raises(ConfigError, match="password"):
        Client("m", [Address(base_url="http://me:pass@x/v1")], FREE)


# --- the cache -----------------------------------------------------------------------------------


def test_identical_calls_at_once_become_one_and_later_ones_none():
    with ScriptedServer(echo, latency_s=0.05) as server:
        ledger, cache = Ledger(), Cache()
        replies = ask_all(server, [request()] * 64, cache=cache, ledger=ledger)
        assert server.num_calls == 1
        assert {reply.text for reply in replies} == {"you said hi"}
        (again,) = ask_all(server, [request()], cache=cache, ledger=ledger)
        assert server.num_calls == 1
        assert again.is_cached
    found = ledger.drain()
    assert (found["llm/judge/calls"], found["llm/judge/cached"]) == (1.0, 64.0)


def test_sixty_four_tasks_share_a_file(tmp_path):
    file = tmp_path / "llm.sqlite"
    with ScriptedServer(echo) as server:
        requests = [request(str(n % 50)) for n in range(200)]
        options = {"cache": Cache(file), "ledger": Ledger(file)}
        replies = ask_all(server, requests, **options, max_concurrent=64)
        assert server.num_calls == 50
    assert [reply.text for reply in replies] == [f"you said {n % 50}" for n in range(200)]


def test_samples_of_one_request_are_different_answers():
    with ScriptedServer(lambda ask: f"draw {ask.sampling.seed}") as server:
        cache = Cache()
        requests = [request(sample=n, seed=n) for n in (1, 2, 1)]
        replies = ask_all(server, requests, cache=cache)
        assert [reply.text for reply in replies] == ["draw 1", "draw 2", "draw 1"]
        assert server.num_calls == 2


def test_how_a_request_travels_is_not_in_its_key():
    with ScriptedServer(echo) as server:
        cache = Cache()
        ask_all(server, [request()], cache=cache)
        ask_all(server, [request(stream=True)], cache=cache)
        assert server.num_calls == 1


def test_failures_and_refusals_are_asked_again():
    with ScriptedServer(echo, faults=faulty("error", "refuse")) as server:
        cache, once = Cache(), replace(QUICK, max_attempts=1)
        outcomes = [ask_all(server, [request()], cache=cache, patience=once)[0] for _ in range(4)]
        assert isinstance(outcomes[0], TransportError)
        assert [reply.outcome for reply in outcomes[1:]] == ["refused", "ok", "ok"]
        assert server.num_calls == 3


def test_replay_sends_nothing(tmp_path):
    file = tmp_path / "llm.sqlite"
    with ScriptedServer(echo) as server:
        ask_all(server, [request("known")], cache=Cache(file))
        replay = Cache(file, "replay")
        known, unknown = ask_all(server, [request("known"), request("unknown")], cache=replay)
        assert server.num_calls == 1
    assert known.text == "you said known"
    assert isinstance(unknown, CacheMiss)


def test_a_flight_ends_when_nobody_waits_for_it_and_not_before():
    async def run():
        with ScriptedServer(echo, latency_s=0.1) as server:
            asking = client(server, cache=Cache())
            tasks = [asyncio.ensure_future(asking.ask(request())) for _ in range(3)]
            await asyncio.sleep(0.05)
            tasks[0].cancel()
            assert (await tasks[1]).text == "you said hi"
            alone = asyncio.ensure_future(asking.ask(request("alone")))
            await asyncio.sleep(0.05)
            alone.cancel()
            await asyncio.sleep(0)
            assert (await asking.ask(request("alone"))).text == "you said alone"
            assert server.num_calls == 3
            await asking.close()

    asyncio.run(run())


# --- the budget ----------------------------------------------------------------------------------


def test_the_budget_is_never_exceeded_by_one_call_with_64_in_flight():
    """The server's own count of tokens times the price is the bill."""
    faults = random_faults({"error": 0.1, "garbage": 0.1, "drop": 0.1}, seed=2)
    with ScriptedServer(echo, latency_s=0.01, faults=faults) as server:
        ledger = Ledger(budget_usd=0.10)
        requests = [request(f"number {n}") for n in range(300)]
        found = ask_all(server, requests, price=PRICE, ledger=ledger, max_concurrent=64)
        replies = [reply for reply in found if not isinstance(reply, Exception)]
        refused = [error for error in found if isinstance(error, BudgetExceeded)]
        # every call that reached the server and was not a clear rejection may have been billed
        bill = sum(PRICE.cost(reply.usage) for reply in replies) / 1e9
        assert 0 < bill <= ledger.spent_usd <= 0.10
        assert refused
        assert len(replies) >= 5
        assert ledger.spent_usd > 0.08, "the cap is used, not only respected"


def test_a_cancelled_call_counts_at_its_most():
    async def run():
        with ScriptedServer(echo, latency_s=5.0) as server:
            asking = client(server, price=PRICE, ledger=Ledger())
            task = asyncio.ensure_future(asking.ask(request()))
            await asyncio.sleep(0.2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asking.close()
            return asking.ledger

    ledger = asyncio.run(run())
    assert ledger.spent_usd == PRICE.most(66, 8) / 1e9
    assert ledger.rows()[0]["failed"] == 1


# --- several servers, and one that is down -------------------------------------------------------


def test_calls_go_to_the_least_loaded_server():
    async def run():
        with (
            ScriptedServer(echo, latency_s=0.05) as one,
            ScriptedServer(echo, latency_s=0.05) as two,
        ):
            asking = client(one, two)
            await asyncio.gather(*(asking.ask(request(str(n))) for n in range(20)))
            await asking.close()
            return one.num_calls, two.num_calls

    assert asyncio.run(run()) == (10, 10)


def test_a_server_that_is_down_is_left_alone():
    async def run():
        with ScriptedServer(echo) as well, ScriptedServer(echo) as ill:
            ill.is_down = True
            asking = client(ill, well)
            for n in range(40):
                assert (await asking.ask(request(str(n)))).outcome == "ok"
            await asking.close()
            return ill.num_calls, well.num_calls

    down, up = asyncio.run(run())
    assert up == 40
    assert down <= 10, "the breaker keeps calls away after eight failures"


def test_an_outage_shorter_than_the_patience_costs_time_and_nothing_else():
    with ScriptedServer(echo, outage=(0.0, 1.0)) as server:
        replies = ask_all(server, [request(str(n)) for n in range(30)], max_concurrent=30)
        assert server.hits["outage"] > 0
    assert [reply.text for reply in replies] == [f"you said {n}" for n in range(30)]


def test_an_outage_longer_than_the_patience_is_an_error():
    with ScriptedServer(echo) as server:
        server.is_down = True
        patience = replace(QUICK, max_attempts=50, total_s=0.5)
        (error,) = ask_all(server, [request()], patience=patience)
    assert isinstance(error, TransportError)


def test_limits_of_a_server_are_kept():
    with ScriptedServer(echo, latency_s=0.01) as server:
        ask_all(server, [request(str(n)) for n in range(40)], max_concurrent=7)
        assert 1 < server.max_in_flight <= 7


def test_a_client_outlives_its_event_loop():
    with ScriptedServer(echo) as server:
        asking = client(server)
        for _ in range(2):
            assert asyncio.run(asking.ask(request())).text == "you said hi"


def test_the_request_arrives_as_it_was_built():
    with ScriptedServer(lambda ask: json.dumps(sorted(ask.body))) as server:
        (reply,) = ask_all(server, [request(top_k=3)])
    assert json.loads(reply.text) == ["max_tokens", "messages", "model", "top_k"]
