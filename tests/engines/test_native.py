"""NativeEngine: what it samples is what the plain model would, computed once."""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from guerdon.engines.native import NativeEngine
from guerdon.errors import ConfigError, EngineError
from guerdon.fused import compiled
from guerdon.templates import ChatTemplate
from guerdon.types import Completion, Engine, Message, Sampling
from plain_forward import ENDLESS, POLICY, TEMPLATE, gap, ids, plain_logprobs, together


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return POLICY.model(seed=1)


@pytest.fixture
def engine(model: PreTrainedModel) -> Iterator[NativeEngine]:
    yield NativeEngine(model, ENDLESS)


def test_it_is_an_engine(engine: NativeEngine) -> None:
    assert isinstance(engine, Engine)


def test_logprobs_of_a_mixed_batch_are_those_of_a_plain_forward_pass(
    model: PreTrainedModel, engine: NativeEngine
) -> None:
    prompts = [ids(1), ids(7, 1), ids(40, 2), ids(100, 3)]
    calls = [
        (p, Sampling(temperature=0.7, max_tokens=5 + 9 * m, seed=m))
        for p in prompts
        for m in range(3)
    ]
    replies = together(*(engine.generate(p, s) for p, s in calls))
    for (prompt, sampling), reply in zip(calls, replies, strict=True):
        assert len(reply.token_ids) == sampling.max_tokens
        assert gap(model, prompt, reply, 0.7) < 1e-4


def test_the_likeliest_tokens_come_to_those_who_ask_and_change_nothing(engine) -> None:
    sampling = Sampling(temperature=0.7, max_tokens=6, seed=3)
    asking = replace(sampling, top_logprobs=300)
    [plain, asked] = together(
        engine.generate(ids(9), sampling), engine.generate(ids(9), asking)
    )  # fmt: skip
    assert plain.places == () and asked.token_ids == plain.token_ids
    assert "".join(place.text for place in asked.places) == asked.text
    assert len(asked.places) == 6
    for place in asked.places:
        values = [logprob for _, logprob in place.likeliest]
        assert sum(map(math.exp, values)) == pytest.approx(1.0, abs=1e-4)
        assert values == sorted(values, reverse=True)


def test_logprobs_under_lora_are_those_of_the_adapted_model() -> None:
    adapted = get_peft_model(
        POLICY.model(seed=2), LoraConfig(r=4, target_modules="all-linear", lora_dropout=0.5)
    )
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.1)
    adapted.train()  # as a learner leaves it; dropout must not reach the engine
    engine = NativeEngine(adapted, ENDLESS)
    prompt = ids(20)
    [reply] = together(engine.generate(prompt, Sampling(max_tokens=16)))
    adapted.eval()
    assert gap(adapted, prompt, reply) < 1e-4
    with adapted.disable_adapter():
        assert gap(adapted, prompt, reply) > 1e-2


def test_a_prompt_shared_by_a_group_is_computed_once(engine: NativeEngine) -> None:
    prompt = ids(50)
    together(*(engine.generate(prompt, Sampling(max_tokens=4, seed=m)) for m in range(8)))
    assert engine.stats.prefilled_tokens == 50
    assert engine.stats.computed_tokens == 50 + 8 * 3
    assert engine.stats.sampled_tokens == 8 * 4


def test_a_prompt_seen_before_costs_one_token(model: PreTrainedModel, engine: NativeEngine) -> None:
    prompt = ids(50)
    together(engine.generate(prompt, Sampling(max_tokens=1)))
    [again] = together(engine.generate(prompt, Sampling(max_tokens=6, seed=1)))
    assert engine.stats.prefilled_tokens == 51
    assert gap(model, prompt, again) < 1e-4


def test_a_conversation_of_16_turns_computes_each_token_once(
    model: PreTrainedModel, engine: NativeEngine
) -> None:
    row, length = ids(9), 0
    for turn in range(16):
        [reply] = together(engine.generate(row, Sampling(max_tokens=1 + turn % 4, seed=turn)))
        assert gap(model, row, reply) < 1e-4
        length = len(row) + len(reply.token_ids)
        row = (*row, *reply.token_ids, *ids(turn % 5, turn))
    assert engine.stats.computed_tokens == length - 1  # the last token is nobody's input


def test_members_of_a_group_go_on_with_their_own_conversations(
    model: PreTrainedModel, engine: NativeEngine
) -> None:
    rows, length = [ids(30)] * 6, 30
    for turn in range(4):
        sampling = [Sampling(max_tokens=1 + turn, seed=10 * turn + m) for m in range(6)]
        replies = together(*map(engine.generate, rows, sampling))
        for row, reply in zip(rows, replies, strict=True):
            assert gap(model, row, reply) < 1e-4
        rows = [
            (*r, *c.token_ids, *ids(3, m))
            for m, (r, c) in enumerate(zip(rows, replies, strict=True))
        ]
        length += 1 + turn
    # 30 once; of each member all tokens but the prompt, the last token and the last observation
    assert engine.stats.computed_tokens == 30 + 6 * (len(rows[0]) - 30 - 1 - 3)


def test_the_same_requests_in_the_same_order_give_the_same_tokens(model: PreTrainedModel) -> None:
    def run() -> list[Completion]:
        engine = NativeEngine(model, TEMPLATE, max_batch=3)
        calls = [
            engine.generate(ids(5 + m % 4, m % 4), Sampling(seed=m, max_tokens=3 + m))
            for m in range(9)
        ]
        return together(*calls)

    assert run() == run()


def test_who_else_is_in_the_batch_changes_nothing(engine: NativeEngine) -> None:
    calls = [(ids(3 + 5 * m, m), Sampling(seed=m, max_tokens=10)) for m in range(6)]
    batch = together(*(engine.generate(*call) for call in calls))
    for call, reply in zip(calls, batch, strict=True):
        assert together(engine.generate(*call))[0].token_ids == reply.token_ids


def test_max_batch_and_small_steps_change_nothing(
    model: PreTrainedModel, engine: NativeEngine
) -> None:
    narrow = NativeEngine(model, ENDLESS, max_batch=2, max_step_tokens=7)
    calls = [(ids(30, m // 2), Sampling(seed=m, max_tokens=5)) for m in range(6)]
    want = together(*(engine.generate(*call) for call in calls))
    got = together(*(narrow.generate(*call) for call in calls))
    assert [c.token_ids for c in got] == [c.token_ids for c in want]
    assert all(gap(model, p, c) < 1e-4 for (p, _), c in zip(calls, got, strict=True))


def test_temperature_0_takes_the_likeliest_token(
    model: PreTrainedModel, engine: NativeEngine
) -> None:
    prompt = ids(12)
    [reply] = together(engine.generate(prompt, Sampling(temperature=0.0, max_tokens=8)))
    row = torch.tensor([[*prompt, *reply.token_ids]])
    model.set_attn_implementation("sdpa")
    likeliest = model(row).logits[0, 11:-1].argmax(-1).tolist()
    model.set_attn_implementation("guerdon")
    assert list(reply.token_ids) == likeliest
    assert gap(model, prompt, reply) < 1e-4  # reported at temperature 1


def test_a_stop_token_ends_the_reply_and_is_part_of_its_tokens_only(
    model: PreTrainedModel, engine: NativeEngine
) -> None:
    prompt = ids(12)
    [free] = together(engine.generate(prompt, Sampling(max_tokens=20)))
    template = ChatTemplate(POLICY.tokenizer())
    template.stop_ids = frozenset([free.token_ids[6]])
    end = free.token_ids.index(free.token_ids[6])
    [reply] = together(NativeEngine(model, template).generate(prompt, Sampling(max_tokens=20)))
    assert reply.token_ids == free.token_ids[: end + 1]
    assert reply.finish_reason == "stop"
    assert reply.text == template.decode(free.token_ids[:end])


def test_a_stop_string_ends_the_reply_and_is_part_of_it(engine: NativeEngine) -> None:
    prompt = ids(12)
    for seed in range(9):
        [free] = together(engine.generate(prompt, Sampling(max_tokens=30, seed=seed)))
        if free.text[3:6].isascii() and free.text[3:6] not in free.text[:5]:
            break
    stop = free.text[3:6]
    [reply] = together(engine.generate(prompt, Sampling(max_tokens=30, seed=seed, stop=(stop,))))
    assert reply.finish_reason == "stop"
    assert reply.text == free.text[:6]


def test_replies_are_clamped_to_the_context_left(engine: NativeEngine) -> None:
    [reply] = together(engine.generate(ids(250), Sampling(max_tokens=20)))
    assert (len(reply.token_ids), reply.finish_reason) == (6, "length")


@pytest.mark.parametrize("length", [256, 300])
def test_a_prompt_that_leaves_no_room_gives_an_empty_completion(
    engine: NativeEngine, length: int
) -> None:
    [reply] = together(engine.generate(ids(length), Sampling(max_tokens=20)))
    assert reply == Completion("", finish_reason="length")
    assert engine.stats.forward_passes == 0


def test_messages_are_rendered_by_the_template(engine: NativeEngine) -> None:
    messages: tuple[Message, ...] = ({"role": "user", "content": "hello"},)
    by_messages, by_tokens = together(
        engine.generate(messages, Sampling(max_tokens=5)),
        engine.generate(ENDLESS.start(messages), Sampling(max_tokens=5)),
    )
    assert by_messages == by_tokens


def test_a_full_cache_makes_calls_wait_and_drops_the_oldest_conversations(
    model: PreTrainedModel,
) -> None:
    small = NativeEngine(model, ENDLESS, max_cache_tokens=192)
    calls = [(ids(33, m), Sampling(seed=m, max_tokens=17)) for m in range(5)]  # 64 + 32 each
    replies = together(*(small.generate(*call) for call in calls))
    assert all(gap(model, p, c) < 1e-4 for (p, _), c in zip(calls, replies, strict=True))
    before = small.stats.prefilled_tokens
    together(small.generate(*calls[0]))  # dropped
    assert small.stats.prefilled_tokens == before + 33
    together(small.generate(*calls[0]))  # still there
    assert small.stats.prefilled_tokens == before + 34


def test_a_call_that_can_never_fit_names_the_number_and_the_setting(
    model: PreTrainedModel,
) -> None:
    small = NativeEngine(model, ENDLESS, max_cache_tokens=128)
    with pytest.raises(EngineError, match=r"160 tokens of cache.*has 128; raise max_cache_tokens"):
        together(small.generate(ids(100), Sampling(max_tokens=30)))


def test_a_prompt_without_tokens_is_an_error(engine: NativeEngine) -> None:
    with pytest.raises(EngineError, match="empty"):
        together(engine.generate((), Sampling()))


def test_a_cancelled_call_frees_its_place_and_harms_nobody(model: PreTrainedModel) -> None:
    engine = NativeEngine(model, ENDLESS, max_batch=2)

    async def run() -> list[Completion]:
        calls = [
            asyncio.create_task(engine.generate(ids(20, m), Sampling(seed=m, max_tokens=60)))
            for m in range(2)
        ]
        waiting = asyncio.create_task(engine.generate(ids(5), Sampling(max_tokens=2)))
        never = asyncio.create_task(engine.generate(ids(6), Sampling(max_tokens=2)))
        while engine.stats.sampled_tokens < 10:
            await asyncio.sleep(0)
        never.cancel()
        calls[0].cancel()
        return [await waiting, await calls[1]]

    short, long = asyncio.run(run())
    assert gap(model, ids(5), short) < 1e-4
    assert gap(model, ids(20, 1), long) < 1e-4
    assert engine.stats.sampled_tokens < 2 + 2 * 60


def test_a_failure_in_a_step_fails_every_call_and_the_engine_goes_on() -> None:
    model = POLICY.model()
    engine = NativeEngine(model, ENDLESS, max_batch=2)
    calls = [engine.generate(ids(8, m), Sampling(max_tokens=3)) for m in range(3)]

    async def run() -> list[Any]:
        return await asyncio.gather(*calls, return_exceptions=True)

    hook = model.register_forward_hook(lambda *_: 1 / 0)
    results = asyncio.run(run())
    hook.remove()
    assert [type(r) for r in results] == [EngineError] * 3
    assert "ZeroDivisionError" in str(results[0])
    [reply] = together(engine.generate(ids(8), Sampling(max_tokens=3)))
    assert gap(model, ids(8), reply) < 1e-4


def test_weights_that_are_not_finite_are_an_error() -> None:
    model = POLICY.model()
    nn.init.constant_(model.model.norm.weight, torch.nan)
    with pytest.raises(EngineError, match="not finite"):
        together(NativeEngine(model, ENDLESS).generate(ids(8), Sampling(max_tokens=3)))


def test_new_weights_void_the_cache_and_show_in_the_version() -> None:
    other, engine = POLICY.model(seed=5), NativeEngine(POLICY.model(seed=4), ENDLESS)
    prompt = ids(20)
    [old] = together(engine.generate(prompt, Sampling(max_tokens=5)))
    engine.load_weights(other.named_parameters(), version=3)
    [new] = together(engine.generate(prompt, Sampling(max_tokens=5)))
    assert (old.version, new.version) == (0, 3)
    assert gap(other, prompt, new) < 1e-4


def test_replies_under_way_go_on_correctly_with_new_weights() -> None:
    other, engine = POLICY.model(seed=5), NativeEngine(POLICY.model(seed=4), ENDLESS)

    async def run() -> tuple[int, list[Completion]]:
        calls = [
            asyncio.create_task(engine.generate(ids(20), Sampling(seed=m, max_tokens=30)))
            for m in range(3)
        ]
        while engine.stats.sampled_tokens < 15:
            await asyncio.sleep(0)
        engine.load_weights(other.named_parameters(), version=1)
        done = engine.stats.sampled_tokens // 3
        return done, await asyncio.gather(*calls)

    done, replies = asyncio.run(run())
    assert done < 30
    for reply in replies:
        late = plain_logprobs(other, ids(20), reply)[done:]
        assert torch.allclose(torch.tensor(reply.logprobs)[done:].double(), late, atol=1e-4)


def test_weights_that_share_storage_are_not_copied() -> None:
    model = POLICY.model()
    engine = NativeEngine(model, ENDLESS)
    versions = {name: p._version for name, p in model.named_parameters()}
    engine.load_weights(((n, p.detach()) for n, p in model.named_parameters()), version=1)
    assert versions == {name: p._version for name, p in model.named_parameters()}


def test_weights_of_another_model_are_refused(engine: NativeEngine) -> None:
    with pytest.raises(EngineError, match="'extra' of shape \\(1,\\) does not exist"):
        engine.load_weights([("extra", torch.zeros(1))], version=1)


def test_a_model_with_other_attention_is_refused() -> None:
    model = POLICY.model()
    model.set_attn_implementation("sdpa")
    with pytest.raises(ConfigError, match=r"attention 'sdpa'.*hf\.load_model"):
        NativeEngine(model, ENDLESS)


@pytest.mark.parametrize("compiler", [True, False])
def test_a_sliding_window_is_honoured(compiler: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiler:
        monkeypatch.setattr(compiled, "library", lambda: None)
    config = Qwen2Config(
        vocab_size=260,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        use_sliding_window=True,
        sliding_window=8,
        max_window_layers=1,
        initializer_range=0.2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen2ForCausalLM._from_config(config, attn_implementation="guerdon").eval()
    engine = NativeEngine(model, ENDLESS)
    row = ids(20)
    for turn in range(3):
        first, second = together(
            *(engine.generate(row, Sampling(max_tokens=20, seed=turn + m)) for m in range(2))
        )
        assert gap(model, row, first) < 1e-4 and gap(model, row, second) < 1e-4
        row = (*row, *first.token_ids)


def test_a_raw_text_is_continued_without_the_template(engine: NativeEngine) -> None:
    sampling = Sampling(max_tokens=6, seed=4)
    tokens = tuple(TEMPLATE.tokenizer("2 + 2 is")["input_ids"])
    raw, same = together(engine.complete("2 + 2 is", sampling), engine.generate(tokens, sampling))
    assert raw == same


def test_an_engine_that_rests_gives_its_memory_back_and_wakes_the_same(model) -> None:
    engine = NativeEngine(model, ENDLESS, offload=True)
    prompt, sampling = ids(20), Sampling(max_tokens=8, seed=3)
    [before] = together(engine.generate(prompt, sampling))
    engine.rest()
    engine.rest()
    assert engine._kv._store.numel() == 0
    [after] = together(engine.generate(prompt, sampling))
    assert after == before
    plain = NativeEngine(model, ENDLESS)
    plain.rest()  # without offload it keeps what it has
    assert plain._kv._store.numel() > 0
