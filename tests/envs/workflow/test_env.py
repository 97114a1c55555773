"""Workflows written, mended, run and paid for."""

import asyncio
import math
from dataclasses import replace

import pytest

from guerdon.config.check import examine
from guerdon.envs.workflow.grades import Graded, TieredV2
from guerdon.errors import ConfigError, EngineError, RewardError
from guerdon.rewards.code_tests import CodeTests
from guerdon.rewards.match import Match
from guerdon.sandbox import Limits as SandboxLimits
from guerdon.sandbox import Sandbox
from guerdon.types import Env, Reward
from guerdon.workflow import Limits
from workflow_parts import python
from workflow_play import env, task, writing

FREE = Graded(cost_coef=0.0)


def play(env, task, *replies, **options):
    """One rollout; returns (episode, policy, executor)."""
    models, policy, executor = writing(*replies, **options)
    return asyncio.run(env.rollout(task, models)), policy, executor


class Pays:
    """A reward that is always the same; remembers what it was asked about."""

    def __init__(self, value):
        self.value, self.seen = value, []

    async def __call__(self, task, response, models):
        self.seen.append(response)
        return Reward(self.value, {"style": 2.0}, "because")


def test_a_workflow_is_run_and_its_output_is_scored():
    episode, _, executor = play(env(grade=FREE), task(), "Custom*3 -> ScEnsemble")
    assert isinstance(env(), Env)
    (row,) = episode.trajectories
    assert row.reward.value == 1.0 and row.status == "completed"
    assert row.turns[0].action["content"] == "Custom*3 -> ScEnsemble"
    found = episode.metrics
    assert (found["success"], found["score"], found["executed"]) == (1.0, 1.0, 1.0)
    assert (found["valid"], found["valid_as_written"], found["repairs"]) == (1.0, 1.0, 0.0)
    assert (found["calls"], found["op_Custom"], found["op_ScEnsemble"]) == (3.0, 3.0, 1.0)
    assert [found[f"tier_{n}"] for n in range(1, 6)] == [0, 0, 0, 0, 1]
    assert len(executor.asked) == 3  # equal answers need no vote


@pytest.mark.parametrize("surface", ["python", "dsl"])
@pytest.mark.parametrize("catalogue", ["full", "names"])
@pytest.mark.parametrize("domain", ["math", "qa"])
def test_problem_context_and_operators_are_always_in_the_prompt(surface, catalogue, domain):
    asked = task("Context: Rome fell in 476.\n\nWhen did Rome fall?", domain)
    where = env(surface=surface, catalogue=catalogue)
    _, policy, _ = play(where, asked, "Custom")
    (seen,) = policy.prompts
    assert "Context: Rome fell in 476." in seen and "When did Rome fall?" in seen
    assert all(name in seen for name in ("Custom", "AnswerGenerate", "ScEnsemble", "Review"))
    assert "CustomCodeGenerate" not in seen and "Test(" not in seen


def test_an_invalid_program_is_never_run():
    for reply in ("(Custom*5 -> MdEnsemble)*3", "Hack -> Custom", "while True", "", "return 'x'",
                  python("import os\nos.system('true')\nreturn 1")):  # fmt: skip
        episode, _, executor = play(env(), task(), reply)
        assert episode.trajectories[0].reward.value == -0.2
        assert episode.metrics["valid"] == episode.metrics["executed"] == 0.0
        found = [name for name, value in episode.metrics.items() if value and "error_E" in name]
        assert len(found) >= 1
        assert executor.asked == []


def test_what_was_mended_is_run_and_costs_a_little_but_is_not_what_is_trained():
    written = python("a = self.custom(input=problem)\nreturn a['response']")  # no await
    episode, _, executor = play(env(grade=Graded(cost_coef=0.0, fix_coef=0.05)), task(), written)
    (row,) = episode.trajectories
    assert row.reward.value == pytest.approx(0.95) and len(executor.asked) == 1
    assert episode.metrics["repairs"] == 1.0 and episode.metrics["valid"] == 1.0
    assert episode.metrics["valid_as_written"] == 0.0
    assert row.turns[0].action["content"] == written
    strict, _, unasked = play(env(mend=False), task(), written)
    assert strict.trajectories[0].reward.value == -0.2 and unasked.asked == []


def test_a_workflow_that_fails_earns_nothing_whatever_its_models_said():
    episode, _, executor = play(env(), task(), "AnswerGenerate", reply="42")  # it has no form
    (row,) = episode.trajectories
    assert row.reward.value == 0.0 and "unreadable reply" in row.reward.note
    assert episode.metrics["executed"] == 0.0 and episode.metrics["valid"] == 1.0
    assert len(executor.asked) == 2


def test_a_budget_ends_a_workflow_and_its_calls_are_in_the_metrics():
    tight = env(limits=Limits(max_calls=12, max_steps=2))
    episode, _, _ = play(tight, task(), "Custom -> Custom -> Custom")
    assert episode.trajectories[0].reward.value == 0.0
    assert "statements" in episode.trajectories[0].reward.note
    assert episode.metrics["calls"] == 1.0


def test_members_share_answers_to_equal_questions_and_an_ensembles_stay_different():
    """The seeds the executor sees depend on the place of a question, not on the member."""

    async def seeds(shared, member):
        seen = []

        def reply(text, sampling):
            seen.append(sampling.seed)
            return "42"

        models, _, _ = writing("Custom*3 -> ScEnsemble", reply=reply, seed=member)
        await env(share_calls=shared).rollout(task(), models)
        return seen

    one, two = asyncio.run(seeds(True, 1)), asyncio.run(seeds(True, 2))
    assert one == two and len(set(one)) == 3
    own, other = asyncio.run(seeds(False, 1)), asyncio.run(seeds(False, 2))
    assert not set(own) & set(other)


def test_the_reward_is_that_of_the_data_set_or_else_of_the_domain():
    rewards = {"math": Pays(0.25), "gsm8k": Pays(0.5)}
    for info, value in (({"dataset": "gsm8k"}, 0.5), ({"dataset": "other"}, 0.25), ({}, 0.25)):
        episode, _, _ = play(env(rewards=rewards, grade=FREE), task(**info), "Custom")
        assert episode.trajectories[0].reward.value == value
    with pytest.raises(ConfigError, match=r"domain 'qa', and Workflow.rewards has only: math"):
        play(env(rewards=rewards), task(domain="qa"), "Custom")


def test_a_reward_keeps_parts_and_note_and_one_that_is_no_number_is_an_error():
    episode, _, _ = play(env(rewards={"math": Pays(0.5)}), task(), "Custom")
    reward = episode.trajectories[0].reward
    assert reward.note == "because"
    assert reward.parts == {"style": 2.0, "correctness": 0.5, "cost": 1 / 12, "fixes": 0.0}
    with pytest.raises(RewardError, match="the reward is nan"):
        play(env(rewards={"math": Pays(math.nan)}), task(), "Custom")


def test_a_judge_breaks_ties_is_logged_and_never_pays_for_nothing():
    judge = Pays(0.5)
    episode, _, _ = play(env(grade=FREE, judge=judge, judge_coef=0.02), task(), "Custom")
    (row,) = episode.trajectories
    assert row.reward.value == pytest.approx(1.01) and row.reward.parts["judge"] == 0.5
    assert "judge: because" in row.reward.note and episode.metrics["judge_agrees"] == 1.0
    play(env(judge=judge), task(), "Custom", reply=" ")
    assert judge.seen == ["42"]


def test_tiers_become_stricter_with_the_policys_version():
    written = python("a = self.custom(input=problem)\nreturn a['response']")
    for version, value in ((0, 0.7), (60, 0.7), (150, 0.4)):
        episode, _, _ = play(env(grade=TieredV2()), task(), written, version=version)
        assert episode.trajectories[0].reward.value == value


def test_a_failing_server_says_nothing_about_the_workflow():
    def reply(text, sampling):
        raise EngineError("the server is away")

    with pytest.raises(EngineError, match="away"):
        play(env(), task(), "Custom", reply=reply)


CODE = {
    "entry_point": "f",
    "public_tests": ["assert f(1) == 2"],
    "tests": ["assert f(3) == 4", "assert f(10) == 11"],
}


@pytest.fixture(scope="module")
def sandbox():
    pool = Sandbox(limits=SandboxLimits(wall_s=2.0), num_workers=1)
    yield pool
    pool.close()


def coder(text, sampling):
    """Writes a program with a mistake, and mends it once it sees the test that fails."""
    off = 1 if "The test that fails" in text else 2
    return f"```python\ndef f(x):\n    return x + {off}\n```"


def test_test_runs_the_tasks_public_tests_and_the_reward_its_hidden_ones(sandbox):
    where = env(sandbox=sandbox, rewards={"code": CodeTests(sandbox=sandbox)}, grade=FREE)
    asked = task("Add one.", "code", None, **CODE)
    alone, _, _ = play(where, asked, "CustomCodeGenerate", reply=coder)
    assert alone.trajectories[0].reward.value == 0.0
    tested, policy, executor = play(where, asked, "CustomCodeGenerate -> Test", reply=coder)
    assert tested.trajectories[0].reward.value == 1.0  # bare code, as Test returns it
    assert "Test" in policy.prompts[0]
    shown = [message["content"] for messages in executor.asked for message in messages]
    assert any("assert f(1) == 2" in text for text in shown)
    assert not any("f(3)" in text or "f(10)" in text for text in shown)


def test_test_is_no_operator_where_there_are_no_public_tests(sandbox):
    where = env(sandbox=sandbox, rewards={"code": CodeTests(sandbox=sandbox)})
    asked = task("Add one.", "code", None, **{**CODE, "public_tests": []})
    episode, policy, _ = play(where, asked, "CustomCodeGenerate -> Test", reply=coder)
    assert episode.metrics["error_E204"] == 1.0 and " Test(" not in policy.prompts[0]


def test_a_public_test_that_the_reward_runs_too_stops_the_run():
    leaky = task("Add one.", "code", None, **{**CODE, "tests": ["assert  candidate(1) == 2"]})
    with pytest.raises(ConfigError, match="a public test is also a hidden one"):
        play(env(rewards={"code": Match()}), leaky, "CustomCodeGenerate")


def test_play_runs_any_program_and_says_what_became_of_it():
    models, policy, _ = writing()
    played = asyncio.run(env().play(task(), "task 'Think.'\nCustom", models))
    assert played.run is not None and played.run.answer == "42" and played.score == 1.0
    assert played.reward.value == pytest.approx(1 - 0.1 / 12) and policy.prompts == []
    failed = asyncio.run(env().play(task(), "nonsense(", models))
    assert failed.run is None and failed.score == 0.0


def test_the_executor_is_the_model_that_is_named():
    models, _, executor = writing("Custom")
    renamed = {"policy": models["policy"], "helper": models["executor"]}
    episode = asyncio.run(env(model="helper").rollout(task(), renamed))
    assert episode.metrics["executed"] == 1.0 and len(executor.asked) == 1
    report, _ = examine("workflow_tiny", ["env.model=helper"])
    assert any("env.model: no model 'helper' in models" in line for line in report.problems)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="rewards is empty"):
        env(rewards={})
    with pytest.raises(ConfigError, match="no file of operators"):
        env(operators=("missing.yaml",))
    with pytest.raises(ConfigError, match="unknown domain 'art'"):
        play(env(), replace(task(), domain="art"), "Custom")
