"""Gold answers must pass, canaries must not."""

import asyncio

import pytest

from guerdon.config.schema import Trust
from guerdon.engines.closing import then_close
from guerdon.engines.remote import RemoteEngine
from guerdon.envs.router import Router
from guerdon.envs.single_turn import SingleTurn
from guerdon.errors import RewardError
from guerdon.llm.testing import ScriptedServer
from guerdon.rewards.match import Match
from guerdon.rewards.math import Math
from guerdon.rewards.verifier import Verifier
from guerdon.trust.gate import choose, differ, probe
from guerdon.types import Episode, Model, Reward
from trust_parts import Contains, Exact, task

TASKS = [task(str(i), answer=str(70 + i)) for i in range(20)]


def probed(reward, tasks=TASKS, settings=None, success_at=1.0, template=None, models=None):
    settings = settings or Trust(gold=template)
    env = SingleTurn(reward=reward, success_at=success_at)
    work = probe(env, tasks, models or {}, settings, 0)
    return asyncio.run(then_close(work, models or {}))


@pytest.mark.parametrize("reward", [Math(), Match(), Exact()])
def test_an_honest_reward_pays_gold_and_no_canary(reward) -> None:
    found = probed(reward)
    assert found.to_metrics() == {
        "trust/gold_paid": 1.0, "trust/canary_paid": 0.0, "trust/probe_errors": 0.0
    }  # fmt: skip
    assert found.problems(Trust()) == []


def test_a_reward_that_gold_answers_fail_is_refused_with_examples() -> None:
    class Never:
        async def __call__(self, task, response, models):
            return Reward(0.0, note="says nothing")

    (first, second, *_) = probed(Never()).problems(Trust())
    assert "8 of 8 reference answers fail" in first
    assert "earned 0 (right is 1)" in second and "says nothing" in second


def test_a_reward_that_pays_for_a_canary_is_refused_and_the_canary_named() -> None:
    lines = "\n".join(probed(Contains("full marks")).problems(Trust()))
    assert "canaries are paid" in lines
    assert "canary 'full marks'" in lines
    assert "trust.gate=false" in lines


def test_the_answer_of_another_task_is_a_canary_in_the_form_of_an_answer() -> None:
    class AnyNumber:
        async def __call__(self, task, response, models):
            return Reward(float(response.isdecimal()))

    names = {finding.trial.name for finding in probed(AnyNumber()).paid_canaries}
    assert names == {"the answer of another task"}


def test_without_a_success_a_canary_must_earn_less_than_the_gold_answer() -> None:
    worth = {str(70 + i): 0.3 for i in range(20)}

    class Shaped:
        async def __call__(self, task, response, models):
            return Reward(worth.get(response, 0.1) if response == task.answer else 0.1)

    class Constant:
        async def __call__(self, task, response, models):
            return Reward(0.3)

    assert probed(Shaped(), success_at=None).problems(Trust()) == []
    assert probed(Constant(), success_at=None).problems(Trust())


def test_a_gold_answer_without_a_reward_has_failed_and_says_why() -> None:
    class Away:
        async def __call__(self, task, response, models):
            raise RewardError("the judge is away")

    found = probed(Away())
    assert found.to_metrics()["trust/gold_paid"] == 0.0
    assert "the judge is away" in found.problems(Trust())[1]


def test_a_soft_verifier_behind_a_server_without_log_probs_is_refused_with_that_reason() -> None:
    with ScriptedServer(lambda ask: "Final Decision: Yes") as server:
        model = Model(RemoteEngine("scripted", base_url=server.url, price="free"))
        found = probed(Verifier(soft=True), models={"verifier": model}, success_at=0.5)
    assert found.to_metrics()["trust/gold_paid"] == 0.0
    lines = found.problems(Trust())
    assert "8 of 8 reference answers fail" in lines[0]
    assert "had no reward" in lines[1] and "sent no log-probabilities" in lines[1]


def test_a_template_says_how_a_right_answer_is_written() -> None:
    reward = Match(pattern="<a>(.*)</a>")
    assert probed(reward).unwritten == 8
    found = probed(reward, template="<a>{answer}</a>")
    assert found.unwritten == 0 and found.to_metrics()["trust/gold_paid"] == 1.0


def test_some_failures_can_be_allowed() -> None:
    class OddOnly:
        async def __call__(self, task, response, models):
            return Reward(float(response == task.answer and int(response) % 2))

    lenient = Trust(num_tasks=20, min_gold_frac=0.5)
    assert probed(OddOnly(), settings=Trust(num_tasks=20)).problems(Trust())
    assert probed(OddOnly(), settings=lenient).problems(lenient) == []


def test_tasks_without_reference_and_environments_that_do_not_grade_are_left_alone() -> None:
    class Game:
        async def rollout(self, task, models):
            return Episode(task)

    assert probed(Exact(), tasks=[task(answer=None)]).to_metrics() == {}
    found = asyncio.run(probe(Game(), TASKS, {}, Trust(), 0))
    assert found.findings == () and found.problems(Trust()) == []


def test_domains_take_turns_and_each_is_graded_by_its_own_reward() -> None:
    tasks = [task(f"{d}{i}", answer=str(i), domain=d) for d in "ab" for i in range(9)]
    env = Router(envs={"a": SingleTurn(reward=Exact()), "b": SingleTurn(reward=Math())})
    assert [t.domain for t in choose(env, tasks, 4, 0)] == ["a", "b", "a", "b"]
    found = asyncio.run(probe(env, tasks, {}, Trust(num_tasks=4), 0))
    assert found.problems(Trust()) == []


def test_which_tasks_are_tried_depends_on_the_key_only() -> None:
    env = SingleTurn(reward=Exact())
    assert choose(env, TASKS, 5, 1) == choose(env, TASKS[::-1], 5, 1) != choose(env, TASKS, 5, 2)


@pytest.mark.parametrize(
    ("a", "b", "surely"),
    [("75", "66", True), ("75", "75.0", False), ("1,000", "1000", False), ("Paris", "Rome", True),
     ("Paris", "Paris, France", False), (r"\frac12", "0.5", False), ("", "x", False)],
)  # fmt: skip
def test_only_answers_that_surely_differ_are_swapped(a: str, b: str, surely: bool) -> None:
    assert differ(task("x", answer=a), task("y", answer=b)) is surely
