"""A model that answers and errs, in the words of each operator, over a real server."""

import asyncio
from dataclasses import dataclass
from functools import cache

import pytest

from guerdon.engines.fallible import FallibleEngine
from guerdon.engines.fallible_model import FallibleModel, Skill
from guerdon.errors import ConfigError
from guerdon.llm.asks import Ask
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.sandbox import Limits as SandboxLimits
from guerdon.sandbox import Sandbox
from guerdon.tasks import TaskSets
from guerdon.types import Model, Sampling, Task
from guerdon.workflow import Inputs, Limits, check, run, shipped_catalog
from guerdon.workflow import Task as Setting
from guerdon.workflow.catalog import fill
from guerdon.workflow.code import SandboxedCode
from guerdon.workflow.meter import ledger_meter

CATALOG = shipped_catalog()
PROGRAM = "def f(x):\n    return x + 1"


def task(text, answer=None, domain="math", **info):
    return Task(text, ({"role": "user", "content": text},), answer, domain, info)


SUM = task("What is 40 plus 2 ?", "42")
CITY = task("Rome is in Italy.\nWhere is Rome?", "Italy", "qa")
OTHER = task("Where is Oslo?", "Norway", "qa")
CODE = task("Write f: add one.", None, "code", solution=PROGRAM, entry_point="f")
TASKS = [SUM, CITY, OTHER, CODE]


@cache
def model(garbled=0.0, **skill):
    return FallibleModel(TASKS, {"default": Skill(**skill)}, garbled=garbled)


def say(model, text, seed=0):
    message = {"role": "user", "content": text}
    return model(Ask((message,), "", Sampling(), {"seed": seed}))


def prompt(operator, **values):
    return fill(CATALOG.operators[operator].prompt, values)


def form(text, *names):
    lines = "\n".join(f"<{name}>...</{name}>" for name in names)
    return f"{text}\n\nReply in exactly this form:\n{lines}"


def test_a_model_that_is_always_right_answers_in_every_operators_words():
    right = model(right=1.0)
    problem = SUM.prompt[0]["content"]
    assert say(right, f"Think! {problem}") == "The answer is \\boxed{42}."
    assert say(right, f"Be brief.\n\n{CITY.prompt[0]['content']}") == "Italy"
    asked = form(prompt("AnswerGenerate", input=problem), "thought", "answer")
    assert say(right, asked) == "<thought>42</thought>\n<answer>42</answer>"
    assert say(right, prompt("Programmer", problem=problem, analysis="")) == (
        "```python\ndef solve():\n    return '42'\n```"
    )
    text = CODE.prompt[0]["content"]
    asked = prompt("CustomCodeGenerate", problem=text, entry_point="f", instruction="Think.")
    assert say(right, asked) == f"```python\n{PROGRAM}\n```"
    reduced = prompt("Format", problem=problem, solution="The answer is \\boxed{42}.")
    assert say(right, reduced) == "42"


def test_what_it_does_not_know_it_says_it_does_not_know():
    assert say(model(), "What is love?") == "I do not know."


@pytest.mark.parametrize("at", range(4))
def test_scattered_mistakes_vary_and_the_same_mistake_does_not(at):
    text = TASKS[at].prompt[0]["content"]
    scattered = {say(model(right=0.0), text, seed) for seed in range(20)}
    assert len(scattered) > (1 if at == 3 else 5)
    same = {say(model(right=0.0, mistakes="same"), text, seed) for seed in range(20)}
    assert len(same) == 1
    right = say(model(right=1.0), text)
    assert right not in scattered | same


def test_how_often_it_is_right_is_what_its_skill_says():
    half = model(right=0.6)
    answers = [say(half, SUM.prompt[0]["content"], seed) for seed in range(200)]
    assert 0.48 < answers.count("The answer is \\boxed{42}.") / 200 < 0.72


def test_an_ensemble_is_joined_by_what_most_candidates_say():
    candidates = (
        "A: The answer is 41.\n\nB: The answer is 42.\n(given 3 times)\n\nC: The answer is 1."
    )
    asked = prompt("ScEnsemble", problem=SUM.prompt[0]["content"], candidates=candidates)
    reply = say(model(), form(asked, "thought", "solution_letter"))
    assert "<solution_letter>B</solution_letter>" in reply
    asked = prompt("MdEnsemble", problem=SUM.prompt[0]["content"], candidates=candidates)
    seeing = [say(model(sees=1.0), form(asked, "thought", "solution_letter"), n) for n in range(9)]
    assert all("<solution_letter>B</solution_letter>" in reply for reply in seeing)
    blind = {say(model(sees=0.0), form(asked, "thought", "solution_letter"), n) for n in range(30)}
    assert len(blind) == 3


def test_a_review_sees_mistakes_as_often_as_the_skill_says_and_a_revision_mends_them():
    def review(sees, solution, seed=0):
        asked = prompt("Review", problem=CITY.prompt[0]["content"], solution=solution)
        lines = "<review_result>true or false</review_result>\n<feedback>...</feedback>"
        return say(model(sees=sees), f"{asked}\n\nReply in exactly this form:\n{lines}", seed)

    assert "<review_result>true</review_result>" in review(1.0, "italy.")
    assert "<review_result>false</review_result>" in review(1.0, "Norway")
    assert "<review_result>true</review_result>" in review(0.0, "Norway")
    text = {"problem": CITY.prompt[0]["content"], "solution": "Norway"}
    told = prompt("Revise", **text, feedback="The answer is wrong.")
    assert say(model(mends=1.0), told) == "Italy"
    assert say(model(mends=0.0), told) == "Norway"
    assert say(model(mends=1.0), prompt("Revise", **text, feedback="It is right.")) == "Norway"


def test_a_failed_test_leads_to_the_right_program():
    bad = say(model(right=0.0, mistakes="same"), CODE.prompt[0]["content"])
    assert bad == "```python\ndef f(x):\n    return x + 2\n```"
    asked = prompt("Test", problem=CODE.prompt[0]["content"], solution="def f(x): return x",
                   entry_point="f", failure="assert f(1) == 2")  # fmt: skip
    assert say(model(mends=1.0), asked) == f"```python\n{PROGRAM}\n```"


def test_a_share_of_replies_follows_no_form():
    garbled = [say(model(garbled=0.3), SUM.prompt[0]["content"], seed) for seed in range(100)]
    assert 0.15 < garbled.count("I cannot say.") / 100 < 0.45


@dataclass
class Source:
    """These tasks, one of them held out."""

    def load(self, count_tokens=None):
        return TaskSets(train=tuple(TASKS[1:]), held_out=(SUM,))


ALL = """
a = Custom(input=problem) * 3
b = AnswerGenerate(input=problem)
c = CustomCodeGenerate(problem=problem, entry_point=entry_point)
d = Programmer(problem=problem)
e = ScEnsemble(solutions=[x['response'] for x in a] + [c['response']], problem=problem)
f = MdEnsemble(solutions=[e['response'], c['response']], problem=problem)
g = Test(problem=problem, solution=f['solution'], entry_point=entry_point)
h = Review(problem=problem, solution=g['solution'])
i = Revise(problem=problem, solution=g['solution'], feedback=h['feedback'])
if g['result'] and h['review_result'] { return g['solution'] }
return i['solution'] + b['answer'] + d['output']
"""


def test_every_operator_works_with_client_server_ledger_and_sandbox():
    """Programmer computes in the sandbox, Review gives a Bool, Test runs the row's public tests."""
    limits = Limits(max_calls=99)
    program = check(ALL, CATALOG, Setting("code", True, limits)).program
    assert program is not None
    inputs = Inputs(CODE.prompt[0]["content"], "f", ("assert candidate(1) == 2",))
    sandbox = Sandbox(limits=SandboxLimits(wall_s=4.0), num_workers=1)
    ledger = Ledger()
    engine = FallibleEngine(
        tasks=Source(), skills={"code": Skill(right=0.0, mends=1.0, sees=1.0, mistakes="same")},
        faults={"rate_limit": 0.2}, cache=Cache(), ledger=ledger, role="executor",
    )  # fmt: skip

    async def go():
        models = {"executor": Model(engine, Sampling(max_tokens=200))}
        done = await run(program, CATALOG, inputs, models, limits=limits,
                         sandbox=SandboxedCode(sandbox), meter=ledger_meter)  # fmt: skip
        hits = engine.server.hits["rate_limit"]
        await engine.close()
        return done, hits

    done, hits = asyncio.run(go())
    sandbox.close()
    assert done.status == "ok", done.error
    assert done.answer == PROGRAM and hits >= 1
    outputs = {node.target: node.outputs for node in done.nodes}
    assert outputs["d"]["output"] == "def f(x):\n    return x + 2"
    assert outputs["g"] == {"result": True, "solution": PROGRAM}
    assert outputs["h"]["review_result"] is True
    assert done.usd == pytest.approx(ledger.spent_usd) and done.usd > 0


def test_it_can_be_stopped_and_asked_again_and_needs_skills():
    engine = FallibleEngine(tasks=Source(), skills={"default": Skill(right=1.0)})

    async def ask():
        found = await engine.generate(SUM.prompt, Sampling(max_tokens=20))
        await engine.close()
        return found.text

    assert [asyncio.run(ask()) for _ in range(2)] == ["The answer is \\boxed{42}."] * 2
    with pytest.raises(ConfigError, match="skills is empty"):
        FallibleEngine(tasks=Source(), skills={})
    with pytest.raises(ConfigError, match=r"Skill: sees is 2.0; it must be in 0\.\.1"):
        Skill(sees=2.0)
