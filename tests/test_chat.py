from __future__ import annotations

import asyncio
from functools import cache

import pytest

from families import FAMILIES
from guerdon.batch import Batch
from guerdon.chat import Chat, ask, complete
from guerdon.engines.scripted import ScriptedEngine
from guerdon.errors import ConfigError, EnvError
from guerdon.templates import ChatTemplate
from guerdon.types import Completion, Model, Reward, Sampling

DEFAULT = Sampling()


class Parrot:
    """An engine that says the given token ids, one list a call, and keeps what it was asked."""

    def __init__(self, template, *replies, context=10_000):
        self.template = template
        self.replies = list(replies)
        self.context = context
        self.prompts = []
        self.samplings = []

    async def generate(self, prompt, sampling):
        self.prompts.append(prompt)
        self.samplings.append(sampling)
        room = min(sampling.max_tokens, self.context - len(prompt))
        reply = self.replies.pop(0)
        ids = tuple(reply[: max(room, 0)])
        ended = bool(ids) and ids[-1] in self.template.stop_ids
        return Completion(
            text=self.template.decode(ids),
            token_ids=ids,
            logprobs=tuple(-0.5 - i for i in range(len(ids))),
            finish_reason="stop" if ended or (not reply and room > 0) else "length",
            version=7,
        )


class Speaker:
    """An engine that only speaks text, as remote endpoints do."""

    template = None

    def __init__(self, *replies):
        self.replies = list(replies)
        self.prompts = []

    async def generate(self, prompt, sampling):
        self.prompts.append(prompt)
        return Completion(text=self.replies.pop(0))


def user(text):
    return {"role": "user", "content": text}


@cache
def template_of(family):
    return ChatTemplate(FAMILIES[family](), allow_rewrite=True)


def chat_with(family, *replies, sampling=DEFAULT, **engine):
    parrot = Parrot(template_of(family), *replies, **engine)
    return Chat(Model(parrot, sampling), group="g"), parrot


def talk(chat, *says):
    async def all_of_it():
        return [await chat.send(user(text)) for text in says]

    return asyncio.run(all_of_it())


def plain(family, text):
    return template_of(family).tokenizer.encode(text, add_special_tokens=False)


def end_of(family):
    return template_of(family).extend([user("x")], closed=False)[0]


def check_row(trajectory, replies):
    """The row is aligned, holds the replies in their spans, and nothing else is an action."""
    length = len(trajectory.token_ids)
    assert len(trajectory.action_mask) == len(trajectory.logprobs) == length
    marked = set()
    for turn, reply in zip(trajectory.turns, replies, strict=True):
        start, end = turn.span
        assert list(trajectory.token_ids[start:end]) == list(reply)
        assert list(trajectory.logprobs[start:end]) == [-0.5 - i for i in range(len(reply))]
        marked |= set(range(start, end))
    assert {i for i in range(length) if trajectory.action_mask[i]} == marked
    assert all(trajectory.logprobs[i] == 0.0 for i in set(range(length)) - marked)


every_family = pytest.mark.parametrize("family", FAMILIES)


@every_family
def test_a_row_built_turn_by_turn_is_the_templates_own_rendering(family):
    template = template_of(family)
    said = [template.encode_reply(text) for text in ("two three", "left!", "four")]
    chat, parrot = chat_with(family, *said)
    replies = talk(chat, "one", "hello the robin", "why?\n\nwhy?")
    assert [reply.strip() for reply in replies] == ["two three", "left!", "four"]
    messages = [user("one"), {"role": "assistant", "content": "two three"}]
    messages += [user("hello the robin"), {"role": "assistant", "content": "left!"}]
    messages += [user("why?\n\nwhy?"), {"role": "assistant", "content": "four"}]
    text = template.tokenizer.apply_chat_template(messages, tokenize=False).rstrip("\n")
    trajectory = chat.trajectory()
    assert list(trajectory.token_ids) == plain(family, text)
    check_row(trajectory, said)
    assert parrot.prompts[2] == trajectory.token_ids[: trajectory.turns[2].span[0]]


@every_family
def test_a_reply_cut_by_length_is_closed_by_a_token_the_policy_did_not_sample(family):
    cut, whole = plain(family, "one two three")[:2], [*plain(family, "up")[:1], end_of(family)]
    chat, _ = chat_with(family, cut, whole, sampling=Sampling(max_tokens=2))
    talk(chat, "go")
    assert chat.trajectory().status == "truncated"
    talk(chat, "on")
    trajectory = chat.trajectory()
    check_row(trajectory, [cut, whole])
    after = trajectory.turns[0].span[1]
    assert trajectory.token_ids[after] == end_of(family)
    assert not trajectory.action_mask[after]
    assert [turn.finish_reason for turn in trajectory.turns] == ["length", "stop"]
    assert trajectory.status == "completed"
    assert not chat.full


@every_family
@pytest.mark.parametrize("num_tokens", [0, 1])
def test_an_empty_reply_gives_a_correct_row(family, num_tokens):
    empty = [end_of(family)][:num_tokens]
    whole = [*plain(family, "up"), end_of(family)]
    chat, _ = chat_with(family, empty, whole)
    assert talk(chat, "go", "on")[0] == ""
    trajectory = chat.trajectory()
    check_row(trajectory, [empty, whole])
    template = template_of(family)
    expected = [*template.start([user("go")]), *template.extend([user("on")], closed=False)]
    assert list(trajectory.token_ids[: trajectory.turns[1].span[0]]) == expected
    assert not chat.full


@every_family
def test_a_reply_that_spells_out_control_tokens_is_kept_as_sampled(family):
    template, end = template_of(family), end_of(family)
    name = template.tokenizer.convert_ids_to_tokens(end)
    spelled = template.encode_reply(f"{name} ok")
    assert spelled.count(end) == 1
    chat, _ = chat_with(family, spelled, [end])
    assert talk(chat, "go", "on")[0].strip() == f"{name} ok"
    trajectory = chat.trajectory()
    check_row(trajectory, [spelled, [end]])
    start, delta = template.start([user("go")]), template.extend([user("on")], closed=True)
    assert trajectory.token_ids == (*start, *spelled, *delta, end)


def test_control_tokens_sampled_inside_a_reply_are_kept_and_shown():
    start, end = (
        template_of("chatml").tokenizer.convert_tokens_to_ids(t)
        for t in ("<|im_start|>", "<|im_end|>")
    )
    reply = [*plain("chatml", "up"), start, *plain("chatml", "user"), end]
    chat, _ = chat_with("chatml", reply, [end])
    assert talk(chat, "go", "on")[0] == "up<|im_start|>user"
    check_row(chat.trajectory(), [reply, [end]])


def test_eos_in_place_of_the_end_of_turn_also_closes_a_reply():
    eos = template_of("chatml").tokenizer.eos_token_id
    chat, _ = chat_with("chatml", [*plain("chatml", "up"), eos], [eos])
    talk(chat, "go", "on")
    trajectory = chat.trajectory()
    assert trajectory.token_ids[trajectory.turns[0].span[1]] != end_of("chatml")


def test_seeds_are_derived_per_turn():
    end = [end_of("chatml")]
    sampling = Sampling(seed=5, temperature=0.7)
    chat, parrot = chat_with("chatml", end, end, sampling=sampling)
    talk(chat, "a", "b")
    assert parrot.samplings == [sampling.at(0), sampling.at(1)]
    assert chat.trajectory().temperature == 0.7


def test_a_full_context_ends_the_row_and_asks_no_more():
    long, end = plain("chatml", "one two three four five"), end_of("chatml")
    room = len(template_of("chatml").start([user("go")])) + 3
    chat, parrot = chat_with("chatml", long, context=room)
    talk(chat, "go")
    assert chat.full
    assert chat.trajectory().status == "truncated"
    row = chat.trajectory().token_ids
    assert talk(chat, "on") == [""]
    assert len(parrot.prompts) == 1
    trajectory = chat.trajectory()
    assert trajectory.token_ids == row and end not in row[-3:]
    assert [turn.span for turn in trajectory.turns] == [(room - 3, room), (room, room)]


def test_a_prompt_without_room_does_not_enter_the_row():
    end = end_of("chatml")
    room = len(template_of("chatml").start([user("go")])) + 3
    chat, _ = chat_with("chatml", [end], [end], context=room)
    talk(chat, "go")
    row = chat.trajectory().token_ids
    assert talk(chat, "one two three") == [""]
    chat.reward(2.0)
    trajectory = chat.trajectory(Reward(1.0))
    assert chat.full and trajectory.status == "truncated"
    assert trajectory.token_ids == row
    batch = Batch.from_trajectories([trajectory])
    assert batch.rewards[0, -1] == 3.0 and batch.rewards.sum() == 3.0


def test_a_first_prompt_without_room_is_an_error():
    chat, _ = chat_with("chatml", [end_of("chatml")], context=5)
    with pytest.raises(EnvError, match="leaves no room for a reply"):
        talk(chat, "one two three")


def test_rewards_add_up_on_the_last_turn():
    end = [end_of("chatml")]
    chat, _ = chat_with("chatml", end, end)
    talk(chat, "a")
    chat.reward(1.0)
    chat.reward(-0.25)
    talk(chat, "b")
    chat.reward(2.0)
    trajectory = chat.trajectory(Reward(10.0))
    assert [turn.reward for turn in trajectory.turns] == [0.75, 2.0]
    assert trajectory.total_reward == 12.75


def test_a_reward_before_the_first_reply_is_an_error():
    chat, _ = chat_with("chatml")
    with pytest.raises(EnvError, match="before the first reply"):
        chat.reward(1.0)


def test_the_environment_may_call_a_conversation_truncated():
    chat, _ = chat_with("chatml", [end_of("chatml")])
    talk(chat, "a")
    assert chat.trajectory().status == "completed"
    assert chat.trajectory(truncated=True).status == "truncated"


def test_turns_record_what_was_said_and_by_which_version():
    chat, _ = chat_with("chatml", [*plain("chatml", "up"), end_of("chatml")])
    talk(chat, "go")
    (turn,) = chat.trajectory().turns
    assert turn.observation == (user("go"),)
    assert turn.action == {"role": "assistant", "content": "up"}
    assert turn.version == 7


def test_a_template_that_rewrites_history_stops_the_second_turn_with_the_choices():
    template = ChatTemplate(FAMILIES["reasoning"]())
    chat = Chat(Model(Parrot(template, [end_of("reasoning")], [])), group="g")
    talk(chat, "a")
    with pytest.raises(ConfigError, match="allow_rewrite"):
        talk(chat, "b")


def test_an_engine_that_speaks_text_is_recorded_but_cannot_be_trained():
    speaker = Speaker("hi", "bye")
    chat = Chat(Model(speaker), group="g")
    assert talk(chat, "a", "b") == ["hi", "bye"]
    assert speaker.prompts[1] == (user("a"), {"role": "assistant", "content": "hi"}, user("b"))
    trajectory = chat.trajectory(Reward(1.0))
    assert [turn.action["content"] for turn in trajectory.turns] == ["hi", "bye"]
    assert trajectory.token_ids == ()
    with pytest.raises(ValueError, match=r"no sampled token.*only text"):
        Batch.from_trajectories([trajectory])


def test_asking_renders_for_engines_with_a_template_and_leaves_others_the_messages():
    parrot = Parrot(template_of("chatml"), [*plain("chatml", "up"), end_of("chatml")])
    assert asyncio.run(ask(Model(parrot), [user("judge")])).text == "up"
    assert parrot.prompts == [template_of("chatml").start([user("judge")])]
    speaker = Speaker("fine")
    assert asyncio.run(ask(Model(speaker), [user("judge")])).text == "fine"
    assert speaker.prompts == [(user("judge"),)]


def test_a_raw_text_is_continued_as_it_stands():
    engine = ScriptedEngine(["four"])
    found = asyncio.run(complete(Model(engine, Sampling(seed=5)), "2 + 2 is"))
    assert found.text == "four"
    assert engine.calls == [("2 + 2 is", Sampling(seed=5))]


def test_an_engine_that_cannot_continue_a_text_is_named():
    class ChatOnly:
        template = None

        async def generate(self, prompt, sampling):
            raise AssertionError

    with pytest.raises(ConfigError, match="ChatOnly cannot continue a raw text"):
        asyncio.run(complete(Model(ChatOnly()), "x"))
