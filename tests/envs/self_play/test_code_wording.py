import pytest

from envs.self_play.code_replies import answer, propose, solve
from guerdon.envs.self_play.code_wording import Fenced, Proposal
from guerdon.envs.self_play.problems import KINDS, Problem, fence

DOUBLE = Problem("code_o", "def f(a):\n    return 2 * a", ("3",), ("6",))


def text(prompt):
    [message] = prompt
    assert message["role"] == "user"
    return message["content"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_prompt_for_both_roles_that_shows_the_form(kind):
    problem = Problem(kind, DOUBLE.program, ("3", "4"), ("6", "8"), "Twice.")
    proposing = text(Fenced().propose(kind, [DOUBLE], [], 4))
    solving = text(Fenced().solve(problem))
    for prompt in (proposing, solving):
        assert prompt.endswith("Write nothing else.") and "```" in prompt
        assert "<think>" in prompt and "<answer>" in prompt
    assert DOUBLE.program in proposing


def test_the_answer_is_not_in_the_question():
    for kind, hidden in (("code_o", "6"), ("code_i", "3"), ("code_e", "6")):
        problem = Problem(kind, "def f(a):\n    return a", ("3",), ("6",))
        assert hidden not in text(Fenced().solve(problem))


def test_helpers_and_references_stand_in_the_proposers_prompt():
    prompt = text(Fenced().propose("code_i", [DOUBLE], ["def g_0(x): return 7"], 10))
    assert "def g_0(x): return 7" in prompt and "must call every one" in prompt
    assert "exist already" in prompt and "```output\n6\n```" in prompt


def test_a_base_model_reads_one_text_that_ends_where_it_goes_on():
    prompt = text(Fenced(plain=True).solve(DOUBLE))
    assert prompt.endswith("Assistant: <think>") and "User: A Python program" in prompt
    assert Fenced(plain=True).read_answer("code_o", solve("output", "6")) == "6"


def test_without_tags_the_whole_reply_after_any_thought_is_read():
    bare = Fenced(tags=False)
    assert "<think>" not in text(bare.solve(DOUBLE))
    assert bare.read_answer("code_o", "So:\n```output\n6\n```") == "6"
    assert bare.read_answer("code_o", "```output\n5\n```</think>") is None


def test_a_proposal_is_one_program_and_one_input():
    read = Fenced().read_proposal("code_o", propose("def f(a):\n    return a", "[1]"))
    assert read == Proposal("def f(a):\n    return a", ("[1]",))


@pytest.mark.parametrize(
    "reply",
    [
        "", "def f(a): return a", answer(fence("python", "x")), answer(fence("input", "1")),
        solve("python", "x") + "\nP.S.", "P.S." + answer(fence("python", "x"), fence("input", "1")),
        propose("x", "1").replace("</answer>", ""), propose("x", "1") * 2,
        propose("x", "1").replace("<think>Let me see.</think>", ""),
        answer(fence("python", "x"), fence("input", "1"), fence("input", "2")),
    ],
)  # fmt: skip
def test_a_proposal_of_another_form_is_none(reply):
    if reply.startswith("P.S."):  # whatever stands before the end of the thought is thought
        assert Fenced().read_proposal("code_o", reply) is not None
        return
    assert Fenced().read_proposal("code_o", reply) is None


def test_the_last_block_of_the_wanted_kind_is_the_answer():
    reply = answer(fence("output", "5"), fence("python", "7"), fence("output", "6"))
    assert Fenced().read_answer("code_o", reply) == "6"
    assert Fenced().read_answer("code_f", reply) == "7"
    assert Fenced().read_answer("code_i", reply) is None
