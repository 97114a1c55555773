"""A model behind a server, as an engine."""

import asyncio
import json

import pytest

from guerdon.chat import Chat, ask
from guerdon.config.build import build
from guerdon.engines.remote import RemoteEngine
from guerdon.errors import ConfigError, RefusalError, TransportError
from guerdon.llm.answers import Answer
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.prices import Price
from guerdon.llm.testing import ScriptedServer
from guerdon.types import Engine, Model, Sampling

HI = ({"role": "user", "content": "hi"},)


def generate(server, *calls, **options):
    """Completions of (prompt, sampling) pairs, one after the other."""

    async def run():
        engine = RemoteEngine("scripted", base_url=server.url, price="free", **options)
        found = [await engine.generate(prompt, sampling) for prompt, sampling in calls]
        await engine.close()
        return found

    return asyncio.run(run())


def show_body(ask):
    return json.dumps(dict(ask.body))


def test_it_is_an_engine_without_a_template():
    engine = RemoteEngine("m", base_url="http://127.0.0.1:1/v1", price="free")
    assert isinstance(engine, Engine)
    assert engine.template is None


def test_what_is_off_is_not_sent():
    with ScriptedServer(show_body) as server:
        (plain,) = generate(server, (HI, Sampling(temperature=0.0, max_tokens=50)))
        sampling = Sampling(0.7, 0.9, 20, 50, ("END",), seed=2**62 + 1)
        (full,) = generate(server, (HI, sampling), extra={"user": "me"})
    body = {"model": "scripted", "messages": list(HI), "max_tokens": 50}
    assert json.loads(plain.text) == body | {"temperature": 0.0}
    assert json.loads(full.text) == body | {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 20,
        "stop": ["END"],
        "seed": 2**62 + 1,
        "user": "me",
    }


def test_fields_have_the_names_a_server_wants():
    options = {"send_seed": False, "max_tokens_field": "max_completion_tokens"}
    with ScriptedServer(show_body) as server:
        (found,) = generate(
            server, (HI, Sampling(max_tokens=50)), **options, extra={"temperature": None}
        )
    assert json.loads(found.text) == {
        "model": "scripted",
        "messages": list(HI),
        "max_completion_tokens": 50,
    }


def test_seeds_are_samples_and_greedy_has_one():
    with ScriptedServer(lambda ask: f"call {server.num_calls}") as server:
        cache = Cache()
        warm = [(HI, Sampling(seed=seed)) for seed in (1, 2, 1)]
        cold = [(HI, Sampling(temperature=0.0, seed=seed)) for seed in (1, 2)]
        texts = [found.text for found in generate(server, *warm, *cold, cache=cache)]
    assert texts == ["call 1", "call 2", "call 1", "call 3", "call 3"]


def test_outcomes_become_finish_reasons_and_errors():
    with ScriptedServer(lambda ask: "one two three") as server:
        (cut,) = generate(server, (HI, Sampling(max_tokens=2)))
        server.faults = lambda number: "refuse"
        with pytest.raises(RefusalError, match="model 'scripted' declined: 'I cannot help"):
            generate(server, (HI, Sampling()))
    assert (cut.text, cut.finish_reason) == ("one two", "length")


def test_raw_text_and_token_ids_go_to_completions():
    async def run():
        with ScriptedServer(lambda ask: f"{ask.prompt!r} {ask.messages}") as server:
            engine = RemoteEngine("scripted", base_url=server.url, price="free")
            text = await engine.complete("Once", Sampling())
            ids = await engine.generate((5, 6, 7), Sampling())
            await engine.close()
            return text.text, ids.text

    assert asyncio.run(run()) == ("'Once' ()", "(5, 6, 7) ()")


def test_a_schema_is_sent_where_the_server_has_it_and_refused_where_not():
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}}

    async def run(**options):
        with ScriptedServer(show_body) as server:
            engine = RemoteEngine("scripted", base_url=server.url, price="free", **options)
            found = await engine.generate(HI, Sampling(max_tokens=99), schema=schema)
            await engine.close()
            return json.loads(found.text)["response_format"]

    assert asyncio.run(run(supports_schema=True)) == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }
    with pytest.raises(ConfigError, match="supports_schema: is false"):
        asyncio.run(run())


def test_half_a_character_of_a_policy_breaks_nothing():
    with ScriptedServer(lambda ask: ask.text) as server:
        (found,) = generate(server, (({"role": "user", "content": "a\ud800b 😀"},), Sampling()))
    assert found.text == "a\ufffdb 😀"


def test_it_can_be_asked_and_chatted_with():
    async def run():
        with ScriptedServer(lambda ask: f"{len(ask.messages)} heard") as server:
            model = Model(RemoteEngine("scripted", base_url=server.url, price="free"))
            chat = Chat(model, group="g")
            replies = [await chat.send(*HI), await chat.send(*HI), (await ask(model, HI)).text]
            await model.engine.close()
            return replies

    assert asyncio.run(run()) == ["1 heard", "3 heard", "1 heard"]


def test_yaml_makes_one_and_the_run_gives_it_role_cache_and_ledger():
    node = {
        "_target_": "guerdon.engines.remote.RemoteEngine",
        "model": "m",
        "base_url": ["http://one:1/v1", "http://two:2/v1"],
        "price": {"input": 1, "output": 2},
        "requests_per_minute": 600,
    }
    cache, ledger = Cache(), Ledger()
    engine = build(node, "models.judge.engine", role="judge", cache=cache, ledger=ledger)
    assert engine.client.price == Price(1.0, 2.0)
    assert [address.host for address in engine.client.addresses] == ["one", "two"]
    assert (engine.client.role, engine.client.cache) == ("judge", cache)
    assert engine.client.ledger is ledger


def test_all_mistakes_are_named_at_once(monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ConfigError) as error:
        RemoteEngine("mine", base_url="ftp://x", api_key_env="NO_SUCH_KEY", extra={"n": 3})
    text = "\n".join(error.value.problems)
    for part in ("base_url: must be an http", "NO_SUCH_KEY", "price: none known", "extra.n"):
        assert part in text


def test_a_known_model_has_its_list_price_and_a_free_one_none():
    assert RemoteEngine("gpt-4.1-mini").client.price == Price(0.4, 1.6, 0.1)
    assert RemoteEngine("gpt-4.1-mini", price="free").client.price == Price(0.0, 0.0)


# --- log-probabilities ---------------------------------------------------------------------------


def answer_yes(ask):
    """Says yes with tokens and their rivals."""
    likeliest = ((("Yes", -0.1), ("No", -2.5)),)
    return Answer("Yes", pieces=("Yes",), logprobs=(-0.1,), likeliest=likeliest)


@pytest.mark.parametrize("stream", [False, True])
def test_the_likeliest_tokens_come_from_chats_and_raw_completions_and_the_cache(stream):
    sampling = Sampling(temperature=0.0, top_logprobs=2)
    with ScriptedServer(answer_yes) as server:
        cache, calls = Cache(), [(HI, sampling), ((1, 2), sampling), (HI, sampling)]
        found = generate(server, *calls, cache=cache, stream=stream)
        (plain,) = generate(server, (HI, Sampling(temperature=0.0)), cache=cache)
        asked = [dict(ask.body) for ask in server.asked]
    for one in found:
        (place,) = one.places
        assert place.text == "Yes"
        assert dict(place.likeliest) == pytest.approx({"Yes": -0.1, "No": -2.5})
    assert plain.places == () and server.num_calls == 3
    fields = [{name: body.get(name) for name in ("logprobs", "top_logprobs")} for body in asked]
    assert fields[0] == {"logprobs": True, "top_logprobs": 2}
    assert fields[1:] == [{"logprobs": 2, "top_logprobs": None}, dict.fromkeys(fields[0])]


def test_a_server_without_log_probs_is_an_error_that_is_billed_and_not_kept():
    sampling = Sampling(temperature=0.0, top_logprobs=2, max_tokens=8)
    cache, ledger = Cache(), Ledger()
    with ScriptedServer(lambda ask: "Yes") as server:
        for _ in range(2):
            with pytest.raises(TransportError, match=r"'scripted' at .* sent no log-prob"):
                generate(server, (HI, sampling), cache=cache, ledger=ledger, role="verifier")
        assert server.num_calls == 2
    (row,) = ledger.rows()
    assert (row["role"], row["failed"]) == ("verifier", 2)
