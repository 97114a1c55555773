"""ScriptedEngine: the double behaves like an engine."""

import asyncio

import pytest

from guerdon.engines.scripted import ScriptedEngine, Truncated
from guerdon.errors import EngineError
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.types import Completion, Engine, Message, Sampling

ASK: tuple[Message, ...] = ({"role": "user", "content": "hello"},)


@pytest.fixture(scope="module")
def template() -> ChatTemplate:
    return ChatTemplate(TinyPolicy().tokenizer())


PLAIN = Sampling()


def say(engine: ScriptedEngine, sampling: Sampling = PLAIN) -> Completion:
    prompt = ASK if engine.template is None else engine.template.start(ASK)
    return asyncio.run(engine.generate(prompt, sampling))


def test_it_is_an_engine() -> None:
    assert isinstance(ScriptedEngine([]), Engine)


def test_replies_come_in_order_and_then_run_out() -> None:
    engine = ScriptedEngine(["one", "two"])
    assert [say(engine).text, say(engine).text] == ["one", "two"]
    with pytest.raises(EngineError, match="2 replies; this is call 3"):
        say(engine)


def test_a_function_sees_messages_and_the_call_is_recorded() -> None:
    engine = ScriptedEngine(lambda prompt: prompt[-1]["content"].upper())
    assert say(engine, Sampling(seed=3)).text == "HELLO"
    assert engine.calls == [(ASK, Sampling(seed=3))]


def test_with_a_template_the_function_sees_text_and_the_reply_has_tokens(
    template: ChatTemplate,
) -> None:
    engine = ScriptedEngine(lambda prompt: "yes" if "hello" in prompt else "no", template)
    reply = say(engine)
    assert reply.text == "yes" and reply.finish_reason == "stop"
    assert reply.token_ids[-1] in template.stop_ids
    assert template.decode(reply.token_ids) == "yes"
    assert len(reply.logprobs) == len(reply.token_ids)
    assert all(-2 < logprob <= 0 for logprob in reply.logprobs)
    assert say(engine) == reply
    assert say(engine, Sampling(seed=1)).logprobs != reply.logprobs


def test_a_truncated_reply_has_no_end(template: ChatTemplate) -> None:
    reply = say(ScriptedEngine([Truncated("yes")], template))
    assert reply.finish_reason == "length" and reply.text == "yes"
    assert reply.token_ids[-1] not in template.stop_ids


def test_a_reply_over_max_tokens_is_cut(template: ChatTemplate) -> None:
    reply = say(ScriptedEngine(["yes"], template), Sampling(max_tokens=2))
    assert (reply.text, reply.finish_reason, len(reply.token_ids)) == ("ye", "length", 2)


def test_errors_in_the_script_are_raised() -> None:
    engine = ScriptedEngine([EngineError("gone"), "back"])
    with pytest.raises(EngineError, match="gone"):
        say(engine)
    assert say(engine).text == "back"


def test_latency_lets_others_run() -> None:
    order: list[str] = []

    async def both() -> None:
        engine = ScriptedEngine(["slow"], latency_s=0.01)
        call = asyncio.create_task(engine.generate(ASK, Sampling()))
        call.add_done_callback(lambda _: order.append("reply"))
        await asyncio.sleep(0)
        order.append("other")
        await call
        await asyncio.sleep(0)

    asyncio.run(both())
    assert order == ["other", "reply"]


def test_a_new_version_shows_in_replies() -> None:
    engine = ScriptedEngine(["one"])
    engine.load_weights([], 4)
    assert say(engine).version == 4


def test_tokens_without_a_template_are_refused() -> None:
    with pytest.raises(EngineError, match="without a template"):
        asyncio.run(ScriptedEngine(["one"]).generate((1, 2), Sampling()))
