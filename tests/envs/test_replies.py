"""Reading actions out of replies, in every form, and writing them."""

from types import SimpleNamespace

import pytest

from guerdon.envs import tools
from guerdon.envs.replies import Reading, ReplyForm

GAME = SimpleNamespace(actions=("Up", "Left", "crash"))
ADD = tools.function("add", "Adds.", a=("integer", "one"), b=("integer", "other"))
TOOLS = SimpleNamespace(tools=lambda: [ADD])


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        ("Up", "Up"),
        (" up.\n", "Up"),
        ("LEFT", "Left"),
        ("Left, because of the hole", "Left"),
        ("go Up", None),
        ("", None),
        ("...", None),
        ("Upwards", None),
    ],
)
def test_the_action_is_the_reply_or_its_first_word(reply, action):
    found = ReplyForm().read(reply, GAME)
    assert found == Reading(() if action is None else (action,), is_invalid=action is None)


def test_the_action_can_be_the_last_word_or_several_words():
    last = ReplyForm(where="last_word")
    assert last.read("There is a hole, so: left!", GAME).actions == ("Left",)
    assert last.read("Left is bad", GAME).is_invalid
    wordy = SimpleNamespace(actions=("go north", "go south"))
    assert ReplyForm().read(" Go  North. ", wordy).actions == ("go north",)


def test_an_action_that_ends_in_punctuation_is_itself():
    cube = SimpleNamespace(actions=("R", "R'"))
    assert ReplyForm().read("r'", cube).actions == ("R'",)
    assert ReplyForm().read("'R'.", cube).actions == ("R",)


def test_with_reply_nothing_may_stand_beside_the_action():
    assert ReplyForm(where="reply").read("Left, then", GAME) == Reading(is_invalid=True)


def test_a_game_without_actions_gets_the_whole_reply_or_what_it_reads_from_it():
    free = SimpleNamespace()
    assert ReplyForm().read(" any words at all ", free).actions == ("any words at all",)
    assert ReplyForm().read("  ", free).is_invalid
    picky = SimpleNamespace(read=lambda text: text[0] if text[0].isdigit() else None)
    assert ReplyForm().read("7 of 9", picky).actions == ("7",)
    assert ReplyForm().read("seven", picky).is_invalid


ANSWERS = [
    ("<answer>Up</answer>", Reading(("Up",))),
    ("I think so: <answer> up </answer>.", Reading(("Up",))),
    ("<answer>Up || Left</answer>", Reading(("Up", "Left"))),
    ("<answer>Up || fly</answer>", Reading(("Up",), is_invalid=True)),
    ("<answer>fly || Up || Left</answer>", Reading(("Up", "Left"), True, True)),
    ("<answer>Up||Left||Up</answer>", Reading(("Up", "Left"), is_malformed=True)),
    ("<answer>fly</answer>", Reading(is_invalid=True)),
    ("<answer></answer>", Reading(is_invalid=True)),
    ("<answer>go Up</answer>", Reading(is_invalid=True)),
    ("Up", Reading(is_malformed=True)),
    ("<answer>Up", Reading(is_malformed=True)),
    ("<answer>Up</answer><answer>Left</answer>", Reading(is_malformed=True)),
    ("<answer><answer>Up</answer>", Reading(is_malformed=True)),
]


@pytest.mark.parametrize(("reply", "reading"), ANSWERS)
def test_answers_stand_between_tags_and_may_hold_several_actions(reply, reading):
    form = ReplyForm(where="answer", separator="||", max_actions=2)
    assert form.read(reply, GAME) == reading


@pytest.mark.parametrize(
    ("reply", "is_malformed"),
    [
        ("<think>a hole</think><answer>Up</answer>", False),
        (" <think>\nline\n</think>\n <answer>Up</answer>\n", False),
        ("<think></think><answer>Up</answer>", False),
        ("<answer>Up</answer>", True),
        ("<think>a</think> so <answer>Up</answer>", True),
        ("<think>a</think><answer>Up</answer> or not", True),
        ("<think>is it <answer>Up</answer>?</think><answer>Up</answer>", True),
    ],
)
def test_thoughts_come_before_the_answer_and_nothing_else_beside_it(reply, is_malformed):
    found = ReplyForm(where="think").read(reply, GAME)
    assert found.is_malformed is is_malformed
    assert found.actions == (() if is_malformed else ("Up",))


@pytest.mark.parametrize("where", ["reply", "first_word", "last_word", "answer", "think"])
def test_what_is_written_is_read_again(where):
    form = ReplyForm(where=where, separator="||", max_actions=2)
    assert form.read(form.write(["Left"], "hm"), GAME) == Reading(("Left",))
    assert form.read(form.write(["Left", "Up"], "hm"), GAME) == Reading(("Left", "Up"))


def test_calls_of_tools_are_checked_against_their_schemas():
    form = ReplyForm(where="tool_call", max_actions=2)
    good = '<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>'
    assert form.read(f"<think>sum</think>\n{good}", TOOLS).actions == (tools.call("add", a=1, b=2),)
    assert form.read(good * 2, TOOLS).actions == (tools.call("add", a=1, b=2),) * 2
    assert form.read(good * 3, TOOLS).is_malformed
    for arguments, says in [
        ('{"a": 1}', "'b' is missing"),
        ('{"a": 1, "b": "2"}', "'b' must be of type integer"),
        ('{"a": 1, "b": true}', "'b' must be of type integer"),
        ('{"a": 1, "b": 2, "c": 3}', "no argument 'c'"),
    ]:
        call = f'<tool_call>{{"name": "add", "arguments": {arguments}}}</tool_call>'
        found = form.read(call, TOOLS)
        assert found.is_invalid and not found.is_malformed and says in found.note
    unknown = form.read('<tool_call>{"name": "sub", "arguments": {}}</tool_call>', TOOLS)
    assert unknown.is_invalid and "There is no tool 'sub'; there are: add" in unknown.note


@pytest.mark.parametrize(
    "reply",
    [
        "<tool_call>add 1 2</tool_call>",
        '<tool_call>{"name": "add"',
        '<tool_call>["add"]</tool_call>',
        '<tool_call>{"name": "add", "arguments": [1]}</tool_call>',
        "<tool_call>" + "[" * 9000 + "</tool_call>",
    ],
)
def test_what_is_no_call_is_malformed(reply):
    found = ReplyForm(where="tool_call").read(reply, TOOLS)
    assert found.is_malformed and not found.is_invalid and not found.actions


def test_a_reply_without_a_call_is_the_final_answer():
    form = ReplyForm(where="tool_call")
    (action,) = form.read("<think>3</think> It is 3. ", TOOLS).actions
    assert tools.parse(action) == (tools.ANSWER, {"text": "It is 3."})
    assert form.write([action]) == "It is 3."
    call = tools.call("add", a=1, b=2)
    assert form.read(form.write([call]), TOOLS).actions == (call,)
    assert form.read(" ", TOOLS).is_invalid
