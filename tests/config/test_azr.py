"""Other names for the fields of self-play are taken, or refused."""

from types import SimpleNamespace

import pytest

from guerdon.config.azr import Azr, AzrReward, JudgeCall, untaken
from guerdon.config.check import examine

GENERAL = ("models.policy.path={path}", "tasks.seeds.starter=only", "run.dir={path}/runs")


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    from guerdon.tiny import TinyPolicy

    path = tmp_path_factory.mktemp("policy")
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(path)
    return [line.format(path=path) for line in GENERAL]


def problems(lines, *more):
    return examine("azr_ppo_trainer_general", [*lines, *more])[0].problems


def test_the_documents_names_reach_the_components(lines):
    given = [
        "azr.reward.n_samples=5",
        "azr.reward.generation_reward_config.format_reward=true",
        "azr.problem_types=[pred_general]",
        "reward_fn.llm_model_name=some-judge",
        "reward_fn.temperature=0.2",
    ]
    report, _ = examine("azr_ppo_trainer_general", [*lines, *given])
    assert report.problems == [] and report.config is not None
    config = report.config
    assert (config.env["num_samples"], config.env["format_reward"]) == (5, True)
    assert config.tasks["problem_types"] == ["pred_general"]
    assert config.models["judge"].engine["model"] == "some-judge"
    assert config.env["judge"]["temperature"] == config.env["quality"]["temperature"] == 0.2


def test_another_kind_of_task_than_the_environments_is_refused(lines):
    (problem,) = problems(lines, "azr.task_type=code")
    assert problem == "env.task_type: expected 'general', got 'code'"


def test_two_names_that_disagree_are_a_problem(lines):
    (problem,) = problems(lines, "env.num_samples=9")
    assert problem == (
        "azr.reward.n_samples: is 3, but env.num_samples is 9; set env.num_samples to"
        " ${azr.reward.n_samples} in the YAML"
    )


def test_an_unknown_name_is_a_problem(lines):
    (problem,) = problems(lines, "azr.reward.n_sample=9")
    assert problem == "azr.reward.n_sample: unknown field; did you mean 'n_samples'?"


def test_names_that_nothing_reads_are_a_problem_and_defaults_are_not():
    nothing = SimpleNamespace()
    assert untaken(Azr(), JudgeCall(), nothing, nothing) == []
    given = Azr(task_type="general", reward=AzrReward(n_samples=2))
    found = untaken(given, JudgeCall(top_p=0.9), nothing, nothing)
    assert [line.split(":")[0] for line in found] == [
        "azr.task_type",
        "azr.reward.n_samples",
        "reward_fn.top_p",
    ]
