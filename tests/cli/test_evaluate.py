"""`guerdon evaluate` and `guerdon export`, on a small run."""

import json

import pytest
from transformers import AutoModelForCausalLM

from guerdon.cli import main
from guerdon.runs import reader
from small_runs import play


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    outcome, _ = play(tmp_path_factory.mktemp("runs"), "trainer.eval_every=1")
    return outcome.folder


def printed(capsys, *words):
    assert main([*map(str, words)]) == 0
    return capsys.readouterr().out


def refused(capsys, *words):
    assert main([*map(str, words)]) == 2
    return capsys.readouterr().err


def test_a_run_is_evaluated_at_its_best_checkpoint(folder, capsys):
    record = json.loads(printed(capsys, "evaluate", "--run", folder, "--json"))
    best = max(
        (row for row in reader.read_metrics(folder) if row["step"]),
        key=lambda row: (row["eval/reward"], -row["step"]),
    )
    assert record["reward"] == pytest.approx(best["eval/reward"])
    assert record["episodes"] == 4
    assert record["errors"] == 0


def test_a_checkpoints_model_directory_finds_the_configuration_of_its_run(folder, capsys):
    policy = reader.checkpoints(folder)[-1] / "policy"
    record = json.loads(printed(capsys, "evaluate", "--model", policy, "--json"))
    row = reader.read_metrics(folder)[-1]
    assert record["reward"] == pytest.approx(row["eval/reward"])


def test_without_json_it_is_one_line_for_people(folder, capsys):
    out = printed(capsys, "evaluate", "--run", folder, "eval.num_tasks=2")
    assert out.count("\n") == 1
    assert "2 episodes" in out


def test_exactly_one_of_run_and_model_is_needed(folder, capsys):
    assert "give either --run RUN or --model DIR" in refused(capsys, "evaluate")
    assert "give either" in refused(capsys, "evaluate", "--run", folder, "--model", folder)


def test_a_model_of_no_run_needs_a_configuration(tmp_path, capsys):
    assert "--model needs --config-name" in refused(capsys, "evaluate", "--model", tmp_path)


def test_an_exported_policy_is_a_plain_directory(folder, tmp_path, capsys):
    out = tmp_path / "mine"
    assert str(out) in printed(capsys, "export", folder, "--out", out, "--step", 3)
    model = AutoModelForCausalLM.from_pretrained(out)
    trained = AutoModelForCausalLM.from_pretrained(reader.checkpoints(folder)[-1] / "policy")
    assert all(
        (a == b).all() for a, b in zip(model.parameters(), trained.parameters(), strict=True)
    )


def test_a_step_that_was_not_kept_is_refused_with_those_that_were(folder, tmp_path, capsys):
    message = refused(capsys, "export", folder, "--out", tmp_path / "mine", "--step", 77)
    assert "--step 77" in message
    assert "it has" in message
