"""The scripted server does what its user chose."""

import asyncio
from collections import Counter

import httpx2
import pytest

import documented
from guerdon.errors import ConfigError
from guerdon.llm.testing import ScriptedServer, random_faults

BODY = {"model": "scripted", "messages": [{"role": "user", "content": "one two three"}]}


def post(server, **fields):
    return httpx2.post(f"{server.url}/chat/completions", json=BODY | fields, timeout=5.0)


def test_faults_strike_their_share_of_calls_and_always_the_same_ones():
    faults = random_faults({"error": 0.3, "hang": 0.1}, seed=5)
    drawn = [faults(number) for number in range(4000)]
    assert drawn == [faults(number) for number in range(4000)]
    found = Counter(drawn)
    assert abs(found["error"] / 4000 - 0.3) < 0.03
    assert abs(found["hang"] / 4000 - 0.1) < 0.03


def test_each_fault_looks_as_it_says():
    kinds = ["error", "rate_limit", "garbage", "truncate", "refuse", "drop", None]
    with ScriptedServer(
        lambda ask: ask.text, faults=kinds.__getitem__, retry_after_s=2.0
    ) as server:
        assert post(server).status_code == 500
        limited = post(server)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")
        with pytest.raises(ValueError):
            post(server).json()
        cut = post(server).json()["choices"][0]
        assert (cut["message"]["content"], cut["finish_reason"]) == ("one", "length")
        assert post(server).json()["choices"][0]["message"]["refusal"]
        with pytest.raises(httpx2.RemoteProtocolError):
            post(server)
        assert post(server).json()["choices"][0]["message"]["content"] == "one two three"
        assert server.num_calls == 7
        assert server.hits == Counter(kinds[:-1])


def test_max_tokens_and_usage_count_words():
    with ScriptedServer(lambda ask: "a b  c d") as server:
        found = post(server, max_tokens=3).json()
    assert found["choices"][0]["message"]["content"] == "a b  c"
    assert found["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


def test_a_script_may_be_a_coroutine_and_sees_the_request():
    async def script(ask):
        await asyncio.sleep(0)
        return f"{ask.messages[0]['role']} {ask.sampling.temperature:g}"

    async def run():
        async with ScriptedServer(script) as server, httpx2.AsyncClient() as client:
            url = f"{server.url}/chat/completions"
            return (await client.post(url, json=BODY | {"temperature": 0.5})).json()

    assert asyncio.run(run())["choices"][0]["message"]["content"] == "user 0.5"


def test_it_can_die_and_come_back_at_the_same_address():
    with ScriptedServer(lambda ask: "here") as first:
        port = first.port
        with pytest.raises(ConfigError, match="cannot serve"):
            ScriptedServer(lambda ask: "here", port=port)
    with ScriptedServer(lambda ask: "again", port=port) as second:
        assert post(second).json()["choices"][0]["message"]["content"] == "again"


def test_the_page_about_models_says_what_works(tmp_path, capsys):
    documented.modules("models.md", tmp_path)
    assert capsys.readouterr().out == "Score: 7\n"
