"""A tiny model behind our own server: what comes over HTTP is what the engine says."""

import asyncio
import json
import math

import httpx2
import openai
import pytest
import torch

from guerdon import hf
from guerdon.engines.native import NativeEngine
from guerdon.engines.remote import RemoteEngine
from guerdon.engines.serving import EngineAnswers
from guerdon.llm.server import BackgroundServer
from guerdon.llm.wire import build_app
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.types import Sampling

HI = ({"role": "user", "content": "say something"},)
SHAPE = TinyPolicy(hidden=16, num_layers=1, num_heads=2, num_kv_heads=1, mlp=16, context=128)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    SHAPE.save(folder)
    model = hf.load_model(folder, dtype=torch.float32)
    template = ChatTemplate(hf.load_tokenizer(folder))
    return EngineAnswers(NativeEngine(model, template, max_cache_tokens=4096), template)


@pytest.fixture(scope="module")
def server(answers):
    with BackgroundServer(build_app(answers, "tiny", api_key="sesame", max_tokens=12)) as running:
        yield running


def post(server, path, key="sesame", **body):
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.post(f"{server.url}{path}", json={"model": "tiny"} | body, headers=headers)


def in_process(answers, prompt, sampling):
    """The same call on an engine of its own."""
    engine = NativeEngine(answers.engine.model, answers.template, max_cache_tokens=4096)
    return asyncio.run(engine.generate(prompt, sampling))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_over_http_not_one_word_changes(server, answers, temperature, monkeypatch):
    monkeypatch.setenv("THE_KEY", "sesame")
    sampling = Sampling(temperature=temperature, max_tokens=20, seed=2**60 + 7)

    async def remote():
        engine = RemoteEngine(
            "tiny", base_url=server.url, price="free", api_key_env="THE_KEY", max_concurrent=8
        )
        prompts = [({"role": "user", "content": f"say {n}"},) for n in range(8)]
        found = await asyncio.gather(*(engine.generate(one, sampling) for one in prompts))
        await engine.close()
        return prompts, found

    prompts, found = asyncio.run(remote())
    for prompt, completion in zip(prompts, found, strict=True):
        ours = in_process(answers, prompt, sampling)
        assert (completion.text, completion.finish_reason) == (ours.text, ours.finish_reason)


def test_logprobs_are_the_engines(server, answers):
    sampling = Sampling(max_tokens=9, seed=5)
    ours = in_process(answers, HI, sampling)
    fields = {"max_tokens": 9, "seed": 5, "logprobs": True}
    choice = post(server, "/chat/completions", messages=list(HI), **fields).json()["choices"][0]
    told = choice["logprobs"]["content"]
    expected = pytest.approx(ours.logprobs[: len(told)], abs=1e-4)
    assert [token["logprob"] for token in told] == expected
    assert len(told) >= len(ours.logprobs) - 1  # the end token is no text
    assert "".join(token["token"] for token in told) == choice["message"]["content"] == ours.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["chat", "raw"])
def test_the_likeliest_tokens_over_http_are_the_engines(server, answers, kind, stream, monkeypatch):
    monkeypatch.setenv("THE_KEY", "sesame")
    sampling = Sampling(temperature=0.0, max_tokens=9, top_logprobs=5)
    prompt = HI if kind == "chat" else tuple(answers.template.tokenizer("once upon")["input_ids"])

    async def remote():
        options = {"price": "free", "api_key_env": "THE_KEY", "stream": stream}
        engine = RemoteEngine("tiny", base_url=server.url, **options)
        found = await engine.generate(prompt, sampling)
        await engine.close()
        return found

    ours, told = in_process(answers, prompt, sampling), asyncio.run(remote())
    assert len(ours.places) == len(ours.token_ids) and "".join(p.text for p in ours.places)
    for here, there in zip(ours.places, told.places, strict=False):
        assert there.text == here.text
        mass = {}
        for token, logprob in here.likeliest:
            mass[token] = mass.get(token, 0.0) + math.exp(logprob)
        seen = {}
        for token, logprob in there.likeliest:
            seen[token] = seen.get(token, 0.0) + math.exp(logprob)
        assert seen == pytest.approx(mass, abs=1e-5)
    assert len(told.places) >= len(ours.places) - 1  # the end token is no text


def test_no_more_log_probs_than_openai_allows(server):
    for path, body in [
        ("/chat/completions", {"messages": list(HI), "logprobs": True, "top_logprobs": 21}),
        ("/completions", {"prompt": "x", "logprobs": 21}),
    ]:
        answer = post(server, path, **body)
        assert (answer.status_code, "at most 20" in answer.text) == (400, True)
    assert post(server, "/completions", prompt="x", top_logprobs=2).status_code == 400


def test_raw_completions_take_text_and_token_ids(server, answers):
    ids = answers.template.tokenizer("once upon")["input_ids"]
    options = {"max_tokens": 6, "temperature": 0, "logprobs": 1}
    by_text = post(server, "/completions", prompt="once upon", **options).json()["choices"][0]
    by_ids = post(server, "/completions", prompt=ids, **options).json()["choices"][0]
    assert by_text["logprobs"].pop("token_logprobs") == pytest.approx(
        by_ids["logprobs"].pop("token_logprobs"), abs=1e-4
    )
    likeliest = [found["logprobs"].pop("top_logprobs") for found in (by_text, by_ids)]
    for of_text, of_ids in zip(*likeliest, strict=True):
        assert of_text == pytest.approx(of_ids, abs=1e-4)
    assert by_text == by_ids
    assert by_text["text"] == in_process(answers, tuple(ids), Sampling(0.0, max_tokens=6)).text
    pieces = zip(by_text["logprobs"]["tokens"], by_text["logprobs"]["text_offset"], strict=True)
    assert all(by_text["text"][at : at + len(piece)] == piece for piece, at in pieces)


def test_the_official_client_streams(server):
    client = openai.OpenAI(base_url=server.url, api_key="sesame")
    fields = {"model": "tiny", "messages": list(HI), "max_tokens": 10, "seed": 1}
    whole = client.chat.completions.create(**fields)
    chunks = list(
        client.chat.completions.create(
            **fields, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 3, "a piece for each token"
    assert chunks[-1].usage == whole.usage
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_a_stop_string_ends_the_text_and_is_named(server, answers):
    text = in_process(answers, HI, Sampling(max_tokens=20, seed=3)).text
    stop = text[3:5]
    fields = {"max_tokens": 20, "seed": 3, "stop": [stop]}
    choice = post(server, "/chat/completions", messages=list(HI), **fields).json()["choices"][0]
    assert choice["message"]["content"] == text[: text.index(stop)]
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", stop)


def test_the_token_is_asked_for_everywhere_but_health(server):
    assert post(server, "/chat/completions", key="wrong", messages=list(HI)).status_code == 401
    assert httpx2.get(f"{server.url}/models").status_code == 401
    health = httpx2.get(server.url.removesuffix("/v1") + "/health")
    assert health.json() == {"status": "ok", "model": "tiny"}


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/chat/completions", {"messages": []}, "at least one message"),
        ("/chat/completions", {"messages": [{"role": "boss", "content": "x"}]}, "needs a role"),
        ("/chat/completions", {"messages": [{"role": "user", "content": 3}]}, "must be text"),
        ("/chat/completions", {"messages": list(HI), "temperature": -1}, "temperature must be"),
        ("/chat/completions", {"messages": list(HI), "max_tokens": 0}, "max_tokens must be"),
        ("/chat/completions", {"messages": list(HI), "tools": [{}]}, "tools is not supported"),
        ("/chat/completions", {"messages": list(HI), "top_logprobs": 3}, "top_logprobs is not"),
        (
            "/chat/completions",
            {"messages": list(HI), "response_format": {"type": "json_object"}},
            "response_format is not",
        ),
        ("/completions", {"prompt": [10**6]}, "token ids must be"),
        ("/completions", {"prompt": ["a", "b"]}, "one text"),
        ("/completions", {"prompt": ""}, "prompt is empty"),
        ("/completions", {"prompt": "x " * 300}, "maximum context length"),
    ],
)
def test_what_cannot_be_answered_is_a_clear_400(server, path, body, says):
    response = post(server, path, **body)
    assert response.status_code == 400
    assert says in response.json()["error"]["message"]


def test_another_model_is_a_404_and_no_json_a_400(server):
    assert post(server, "/completions", model="other", prompt="x").status_code == 404
    headers = {"Authorization": "Bearer sesame"}
    bad = httpx2.post(f"{server.url}/completions", content=b"{", headers=headers)
    assert bad.status_code == 400


def test_a_prompt_beyond_the_context_is_truncation_not_failure(server, monkeypatch):
    monkeypatch.setenv("THE_KEY", "sesame")

    async def run():
        engine = RemoteEngine("tiny", base_url=server.url, price="free", api_key_env="THE_KEY")
        found = await engine.generate(({"role": "user", "content": "x " * 300},), Sampling())
        await engine.close()
        return found

    found = asyncio.run(run())
    assert (found.text, found.finish_reason) == ("", "length")


def test_whoever_hangs_up_frees_the_engine(answers):
    class Slow:
        """Answers never, and remembers who stopped waiting."""

        cancelled = 0

        async def __call__(self, ask):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                Slow.cancelled += 1
                raise

    with BackgroundServer(build_app(Slow(), "tiny"), grace_s=0.0) as server:
        with pytest.raises(httpx2.ReadTimeout):
            body = {"model": "tiny", "prompt": "x"}
            httpx2.post(f"{server.url}/completions", content=json.dumps(body), timeout=0.3)
        for _ in range(100):
            if Slow.cancelled:
                break
            asyncio.run(asyncio.sleep(0.02))
    assert Slow.cancelled == 1
