"""Budgets, costs, samples and errors of running workflows."""

import asyncio
from collections import Counter

import pytest

from guerdon.errors import ConfigError, EngineError
from guerdon.types import Completion, Model, Sampling
from guerdon.workflow import Inputs, Limits, Task, check, run, shipped_catalog
from workflow_parts import Priced, executor, noisy, python

CATALOG = shipped_catalog()
INPUTS = Inputs("p")


def read(text, domain="math"):
    checked = check(text, CATALOG, Task(domain, limits=Limits(max_calls=99)))
    assert checked.is_valid, [str(one) for one in checked.findings]
    return checked.program


def go(text, models, **options):
    return asyncio.run(run(read(text), CATALOG, options.pop("inputs", INPUTS), models, **options))


def test_the_task_prompt_comes_before_the_problem_wherever_it_is_used():
    models, engine = executor("x")
    go("task 'Show all steps.'\nCustom(instruction='A: ')", models)
    assert engine.asked[0][0]["content"] == "A: Show all steps.\n\np"


def test_equal_calls_are_different_samples_and_members_share_them():
    seeds = {}
    for text in ("Custom*3 -> ScEnsemble", "(Custom(input=problem))*4", "Custom*2 -> ScEnsemble"):
        seen = []

        def reply(text, sampling, seen=seen):
            seen.append(sampling.seed)
            return "<solution_letter>A"

        models, _ = executor(reply, seed=5)
        done = go(text, models)
        asked = [call for call in done.calls if call.messages[0]["content"] == "p"]
        assert [call.sample for call in asked] == list(range(len(asked)))
        seeds[text] = seen[: len(asked)]
    three, four, two = seeds.values()
    assert len(set(four)) == 4
    assert four[:3] == three and three[:2] == two
    assert three[0] == Sampling(seed=5).at(0).seed


def test_samples_do_not_depend_on_who_is_faster():
    """Reviews at once, some asked twice: numbers follow the place in the program."""

    class Slow:
        template = None

        def __init__(self, delays):
            self.delays = delays

        async def generate(self, prompt, sampling):
            await asyncio.sleep(self.delays.pop(0) / 1000)
            if sampling.seed % 2 and len(prompt) == 1:
                return Completion("no idea")
            seed = sampling.seed
            return Completion(f"<review_result>true</review_result><feedback>{seed}</feedback>")

    text = "rs = Review(problem=problem, solution='a') * 5\nreturn rs[0]['feedback']"
    found = []
    for delays in ([0, 5, 1, 4, 2, 0, 1, 0, 3, 0], [5, 0, 4, 1, 2, 3, 0, 3, 0, 0]):
        done = go(text, {"executor": Model(Slow(delays))})
        found.append([(c.sample, c.text) for node in done.nodes for c in node.calls])
    assert found[0] == found[1]


def test_calls_at_once_run_at_once():
    class Waiting:
        template = None
        num_open = most = 0

        async def generate(self, prompt, sampling):
            self.num_open += 1
            self.most = max(self.most, self.num_open)
            await asyncio.sleep(0)
            self.num_open -= 1
            return Completion("x")

    engine = Waiting()
    go("[a = Custom(input='a'), b = Custom(input='b')]\ncs = Custom(input=x) for x in ['1','2','3']"
       "\nreturn cs[0]['response']", {"executor": Model(engine)})  # fmt: skip
    assert engine.most == 3


def test_cost_is_measured_whatever_the_program_returns():
    text = python("r = await self.custom(input=problem)\nreturn r['response'], 0.0")
    models, _ = executor("x")
    done = go(text, models, meter=Priced())
    assert (done.usd, done.num_tokens) == (0.001, 10)
    assert go(text, models).usd is None


def test_16_workflows_at_once_have_costs_of_their_own_that_sum_to_the_ledger():
    models, _ = executor(noisy(0))
    meter = Priced()
    texts = [f"Custom*{n % 5 + 1} -> ScEnsemble -> AnswerGenerate" for n in range(16)]

    async def together():
        runs = [run(read(text), CATALOG, INPUTS, models, meter=meter) for text in texts]
        return await asyncio.gather(*runs)

    done = asyncio.run(together())
    assert sum(one.usd for one in done) == pytest.approx(meter.usd)
    for number, one in enumerate(done):
        assert one.usd == pytest.approx(0.001 * len(one.calls))
        assert len(one.calls) >= number % 5 + 1


def test_budgets_of_tokens_and_money_stop_a_workflow_with_its_trace_so_far():
    models, _ = executor("x")
    for limits in (Limits(max_tokens=20), Limits(max_usd=0.0015)):
        done = go("(Custom)*5", models, limits=limits, meter=Priced())
        assert done.status == "over_budget" and done.answer is None
        assert [node.status for node in done.nodes] == ["ok", "ok", "over_budget"]
        with pytest.raises(ConfigError, match="does not tell its"):
            go("Custom", models, limits=limits)


def test_a_workflow_that_takes_too_long_ends_with_its_trace_so_far():
    class Stuck:
        template = None

        async def generate(self, prompt, sampling):
            if prompt[0]["content"] != "p":
                await asyncio.Event().wait()
            return Completion("quick")

    models = {"executor": Model(Stuck())}
    done = go("Custom -> [Custom, Custom] -> ScEnsemble", models, limits=Limits(timeout_s=0.05))
    assert (done.status, done.answer) == ("timeout", None)
    assert [node.status for node in done.nodes] == ["ok", "cancelled", "cancelled"]


def test_a_failing_server_is_an_error_not_a_result_and_cancels_the_rest():
    class Down:
        template = None
        cancelled = 0

        async def generate(self, prompt, sampling):
            if prompt[0]["content"] == "b":
                raise EngineError("gone")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    engine = Down()
    text = "[a = Custom(input='a'), b = Custom(input='b')]\nreturn b['response']"
    with pytest.raises(EngineError, match="gone"):
        go(text, {"executor": Model(engine)})
    assert engine.cancelled == 1
    with pytest.raises(ConfigError, match="ask a model 'executor', and models has: policy"):
        go("Custom", {"policy": Model(engine)})


def test_an_engines_own_timeout_is_not_the_workflows():
    class Late:
        template = None

        async def generate(self, prompt, sampling):
            raise TimeoutError("the engine's")

    with pytest.raises(TimeoutError, match="the engine's"):
        go("Custom", {"executor": Model(Late())})


def test_an_engine_with_a_template_tells_its_tokens():
    class Template:
        def start(self, messages):
            return tuple(range(len(messages[0]["content"])))

    class Native:
        template = Template()

        async def generate(self, prompt, sampling):
            assert prompt == (0, 1, 2)
            return Completion("xy", (1, 2), (0.0, 0.0))

    done = go("Custom(instruction='ab')", {"executor": Model(Native())})
    assert (done.num_tokens, done.usd) == (5, None)


def test_an_empty_answer_is_no_answer():
    models, _ = executor("x")
    text = "r = Custom(input='a')\nreturn r['response'].replace('x', '')"
    done = go(text, models)
    assert (done.status, done.answer, done.error) == ("failed", None, "the answer is empty")


def test_a_loop_is_left_by_stop_and_lists_are_walked():
    models, engine = executor("x")
    text = "t := ''\nloop x in ['a','b','c'] { r = Custom(input=x); t := t + r['response'] + x\n" \
           "if x == 'b' { stop } }\nreturn t"  # fmt: skip
    assert go(text, models).answer == "xaxb"
    assert Counter(asked[0]["content"] for asked in engine.asked) == {"a": 1, "b": 1}
