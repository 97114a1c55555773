"""Workflows over HTTP: the real client, cache and ledger, and a server that answers and errs."""

import asyncio

from guerdon.engines.remote import RemoteEngine
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.testing import ScriptedServer
from guerdon.types import Model, Sampling
from guerdon.workflow import CodeResult, Inputs, Limits, Task, check, run, shipped_catalog
from workflow_parts import Sandbox

CATALOG = shipped_catalog()
INPUTS = Inputs("What is 6 * 7?", "f", ("assert candidate(1) == 2",))

ALL = """
a = Custom(input=problem) * 3
b = AnswerGenerate(input=problem)
c = CustomCodeGenerate(problem=problem, entry_point=entry_point)
d = Programmer(problem=problem)
e = ScEnsemble(solutions=[x['response'] for x in a] + [b['answer']], problem=problem)
f = MdEnsemble(solutions=[e['response'], d['output']], problem=problem)
g = Test(problem=problem, solution=c['response'], entry_point=entry_point)
h = Review(problem=problem, solution=f['solution'])
i = Revise(problem=problem, solution=f['solution'], feedback=h['feedback'])
if g['result'] and not h['review_result'] { return i['solution'] }
return f['solution']
"""


def answer(ask):
    """A model that can do a little of everything, and forgets the form of its first review."""
    if "solve()" in ask.text:
        return "```python\ndef solve():\n    return 6 * 7\n```"
    if "`f`" in ask.text:
        return "```python\ndef f(x):\n    return x + 1\n```"
    if "<review_result>" in ask.text:
        is_first = "could not be read" not in ask.text
        verdict = "<review_result>false</review_result><feedback>say more</feedback>"
        return "It is wrong." if is_first else verdict
    if "What is wrong with it:" in ask.text:
        return "42, because 6 * 7 = 42"
    form = "<thought>t</thought><solution_letter>A</solution_letter><answer>42</answer>"
    return form if "Reply in exactly this form" in ask.text else f"42 ({ask.text[:4]})"


def sandbox():
    def outcome(program, function):
        return 42 if function == "solve" else CodeResult("ok")

    return Sandbox(outcome)


def test_every_operator_works_with_the_real_client_and_server_and_the_cache_saves_calls():
    task = Task("code", has_tests=True, limits=Limits(max_calls=99))
    program = check(ALL, CATALOG, task).program
    assert program is not None
    ledger, cache = Ledger(), Cache()

    async def twice():
        async with ScriptedServer(answer, faults=lambda n: "error" if n == 2 else None) as server:
            engine = RemoteEngine(
                "scripted", base_url=server.url, price="free", cache=cache, ledger=ledger
            )
            models = {"executor": Model(engine, Sampling(max_tokens=200))}
            found = []
            for _ in range(2):
                found.append(await run(program, CATALOG, INPUTS, models, limits=task.limits,
                                       sandbox=sandbox()))  # fmt: skip
            await engine.close()
            return found, server.num_calls

    (first, second), num_calls = asyncio.run(twice())
    assert first.status == "ok", first.error
    assert first.answer == "42, because 6 * 7 = 42"
    outputs = {node.target: node.outputs for node in first.nodes}
    assert outputs["d"]["output"] == "42"
    assert outputs["g"] == {"result": True, "solution": "def f(x):\n    return x + 1"}
    assert outputs["h"]["review_result"] is False
    assert second.answer == first.answer
    assert num_calls == len(first.calls) + 1  # one error, tried again; nothing the second time


def test_an_empty_reply_of_a_server_is_a_typed_error_of_the_program():
    async def once():
        async with ScriptedServer(lambda ask: "") as server:
            engine = RemoteEngine("scripted", base_url=server.url, price="free")
            models = {"executor": Model(engine)}
            program = check("ScEnsemble(solutions=['a','b'])", CATALOG, Task("math")).program
            found = await run(program, CATALOG, INPUTS, models)
            await engine.close()
            return found

    done = asyncio.run(once())
    assert (done.status, done.answer) == ("failed", None)
    assert "unreadable reply: the reply is empty" in done.error
