"""Each operator with its real prompt and reader, a model that answers, and a sandbox beside it."""

import asyncio

import pytest

from guerdon.workflow import CodeResult, Inputs, Task, check, run, shipped_catalog
from guerdon.workflow.kinds import BOOL, NUMBER, TEXT
from guerdon.workflow.operators import extract_code, read_fields
from workflow_parts import Sandbox, executor

CATALOG = shipped_catalog()


def use(call, field, reply, *, sandbox=None, inputs=None):
    """Run one call in the code domain and return the run and the engine."""
    inputs = inputs or Inputs("the problem", "f", ("assert candidate(1) == 2",))
    checked = check(f"x = {call}\nreturn x['{field}']", CATALOG, Task("code", has_tests=True))
    assert checked.program is not None
    models, engine = executor(reply)
    done = asyncio.run(run(checked.program, CATALOG, inputs, models, sandbox=sandbox))
    return done, engine


def sequence(*replies):
    """Replies one after the other; the last one stays."""
    left = list(replies)
    return lambda text, sampling: left.pop(0) if len(left) > 1 else left[0]


def test_custom_puts_the_instruction_before_the_input_and_nothing_else():
    done, engine = use("Custom(input=problem, instruction='Think. ')", "response", "well")
    assert done.answer == "well"
    assert engine.asked == [({"role": "user", "content": "Think. the problem"},)]


def test_what_a_value_contains_is_no_placeholder():
    inputs = Inputs("{instruction} {0.__class__}", "f")
    _, engine = use("Custom(input=problem, instruction='A')", "response", "x", inputs=inputs)
    assert engine.asked[0][0]["content"] == "A{instruction} {0.__class__}"


def test_review_returns_a_boolean_and_false_is_false():
    reply = "<review_result>False</review_result>\n<feedback>wrong sign</feedback>"
    text = """
    r = Review(problem=problem, solution='4')
    if r['review_result'] { return r['feedback'] + ' accepted' } else { return r['feedback'] }
    """
    checked = check(text, CATALOG, Task("math"))
    models, _ = executor(reply)
    assert checked.program is not None
    done = asyncio.run(run(checked.program, CATALOG, Inputs("p"), models))
    assert done.answer == "wrong sign"
    assert done.nodes[0].outputs == {"review_result": False, "feedback": "wrong sign"}


def test_an_unreadable_verdict_is_asked_for_once_more_with_what_was_wrong():
    good = "<review_result>true</review_result><feedback></feedback>"
    reply = sequence("<review_result>maybe</review_result><feedback></feedback>", good)
    done, engine = use("Review(problem=problem, solution='4')", "review_result", reply)
    assert done.answer == "True"
    assert [message["role"] for message in engine.asked[1]] == ["user", "assistant", "user"]
    assert "<review_result> is 'maybe', not true or false" in engine.asked[1][2]["content"]


@pytest.mark.parametrize("reply", ["", "I choose A", "<solution_letter>Z</solution_letter>"])
def test_an_ensemble_survives_an_unreadable_reply_as_an_error_not_as_a_choice(reply):
    done, engine = use("ScEnsemble(solutions=['a', 'b'], problem=problem)", "response", reply)
    assert (done.status, done.answer) == ("failed", None)
    assert done.error.startswith("ScEnsemble of line 1: unreadable reply: ")
    assert done.nodes[0].status == "failed"
    assert len(engine.asked) == 2


def test_an_ensemble_shows_equal_candidates_once_and_asks_nothing_when_all_are_equal():
    reply = "<thought>b</thought><solution_letter>B.</solution_letter>"
    done, engine = use("ScEnsemble(solutions=['a', 'b', 'b'])", "response", reply)
    assert done.answer == "b"
    assert "A: a\n\nB: b\n(given 2 times)" in engine.asked[0][0]["content"]
    done, engine = use("ScEnsemble(solutions=['b', 'b'])", "response", reply)
    assert (done.answer, engine.asked) == ("b", [])
    done, _ = use("ScEnsemble(solutions=['', ' '])", "response", reply)
    assert done.error.endswith("there is no solution to choose from")


def test_votes_are_over_shuffled_candidates_and_the_majority_wins():
    def vote(text, sampling):
        letter = next(line[0] for line in text.splitlines() if line.endswith(": right"))
        return f"<thought>t</thought><solution_letter>{letter}</solution_letter>"

    call = "MdEnsemble(solutions=['wrong', 'right', 'other'], problem=problem)"
    done, engine = use(call, "solution", vote)
    assert done.answer == "right"
    orders = {asked[0]["content"].split("Solutions:")[1][:40] for asked in engine.asked}
    assert len(engine.asked) == 5 and len(orders) > 1


def test_votes_that_cannot_be_read_do_not_count_and_none_at_all_is_an_error():
    vote = "<thought>t</thought><solution_letter>A</solution_letter>"
    call = "MdEnsemble(solutions=['a', 'b'], problem=problem)"
    done, _ = use(call, "solution", sequence("?", "?", "?", "?", vote))
    assert done.answer in ("a", "b")
    done, engine = use(call, "solution", "?")
    assert done.status == "failed" and len(engine.asked) == 5


def test_the_programmer_executes_and_shows_errors_to_the_model():
    def outcome(program, function):
        assert function == "solve"
        return CodeResult("ZeroDivisionError", error="line 2") if "1/0" in program else 42

    sandbox = Sandbox(outcome)
    replies = sequence(
        "```python\ndef solve(): return 1/0\n```", "```\ndef solve(): return 42\n```"
    )
    done, engine = use("Programmer(problem=problem)", "output", replies, sandbox=sandbox)
    assert done.answer == "42"
    assert sandbox.programs == ["def solve(): return 1/0", "def solve(): return 42"]
    assert "ZeroDivisionError: line 2" in engine.asked[1][-1]["content"]
    assert done.nodes[0].outputs["code"] == "def solve(): return 42"
    assert [one.result.status for one in done.nodes[0].code_runs] == ["ZeroDivisionError", "ok"]


def test_the_programmer_says_what_failed_after_three_programs():
    sandbox = Sandbox(lambda program, function: CodeResult("timeout", error="15 s"))
    done, engine = use("Programmer(problem=problem)", "output", "pass", sandbox=sandbox)
    assert done.answer == "Error: timeout: 15 s" and len(engine.asked) == 3


def test_code_is_not_run_without_a_sandbox():
    done, _ = use("Programmer(problem=problem)", "output", "def solve(): return 1")
    assert done.error.endswith("this operator runs code, and no sandbox was given")


def test_the_test_operator_uses_its_own_rows_public_tests_and_repairs():
    def outcome(program, function):
        assert function is None
        return None if "x + 1" in program else CodeResult("AssertionError", error="got 3")

    sandbox = Sandbox(outcome)
    call = "Test(problem=problem, solution='def f(x): return x', entry_point=entry_point)"
    reply = "```python\ndef f(x): return x + 1\n```"
    done, engine = use(call, "solution", reply, sandbox=sandbox)
    assert done.answer == "def f(x): return x + 1"
    assert done.nodes[0].outputs["result"] is True
    assert sandbox.programs[0] == (
        "def f(x): return x\n\ncandidate = f\nassert candidate(1) == 2\n"
    )
    assert "AssertionError: got 3" in engine.asked[0][0]["content"]


def test_the_test_operator_is_false_when_repairs_run_out_and_fails_without_tests():
    sandbox = Sandbox(lambda program, function: CodeResult("AssertionError"))
    call = "Test(problem=problem, solution='x', entry_point=entry_point, test_loop={})"
    for loops, asks in ((3, 3), (99, 3), (1, 1), (0, 0)):
        done, engine = use(call.format(loops), "result", "y", sandbox=sandbox)
        assert (done.answer, len(engine.asked)) == ("False", asks)
        assert len(sandbox.programs) == asks + 1
        sandbox.programs.clear()
    done, _ = use(call.format(1), "result", "y", sandbox=sandbox, inputs=Inputs("p", "f"))
    assert done.error.endswith("the task has no public tests")
    odd = Inputs("p", "f; import os", ("assert True",))
    done, _ = use(call.format(1), "result", "y", sandbox=sandbox, inputs=odd)
    assert "is not the name of a function" in done.error


def test_an_empty_reply_is_an_error():
    for call, field in (
        ("Custom(input='a')", "response"),
        ("Revise(problem='a', solution='b', feedback='c')", "solution"),
        ("AnswerGenerate(input='a')", "answer"),
    ):
        done, _ = use(call, field, " \n")
        assert done.status == "failed" and "empty" in done.error


def test_fields_are_read_by_their_type():
    text = "<a> yes. </a><b>1,200.5</b><c>x <b>y</c>"
    wanted = (("a", BOOL), ("b", NUMBER), ("c", TEXT))
    assert read_fields(text, wanted) == {"a": True, "b": 1200.5, "c": "x <b>y"}
    with pytest.raises(ValueError, match="there is no <d>"):
        read_fields(text, (("d", TEXT),))
    with pytest.raises(ValueError, match="<c> is 'x <b>y', not a number"):
        read_fields(text, (("c", NUMBER),))


def test_code_is_what_is_fenced_and_the_block_that_defines_the_entry_point_is_preferred():
    reply = "a\n```python\ndef f(): 1\n```\nb\n```python\nprint(f())\n```\n```\nnot this\n```"
    assert extract_code(reply) == "def f(): 1\nprint(f())"
    assert extract_code(reply, "f") == "def f(): 1"
    assert extract_code("def f(): 1") == "def f(): 1"
    assert extract_code("```py\ncut") == "cut"
