import json

import pytest

from guerdon.errors import ConfigError, RolloutError
from guerdon.fused import compiled
from guerdon.runs import reader
from guerdon.train import loop
from guerdon.train.evaluate import evaluate
from small_runs import play, server_dies_in_step_2, untimed


def test_a_run_leaves_everything_where_the_documentation_says(tmp_path):
    outcome, printed = play(tmp_path, "trainer.eval_every=2")
    folder = outcome.folder
    assert outcome.status == "completed"
    names = {path.name for path in folder.iterdir()}
    assert {"run.json", "config.yaml", "metrics.jsonl", "summary.json", "curve.png"} <= names
    assert [row["step"] for row in reader.read_metrics(folder)] == [0, 1, 2, 3]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == outcome.summary
    assert {"success", "reward", "episodes", "ci95"} <= summary["before"].keys()
    assert summary["after"]["episodes"] == 4
    assert summary["train_s"] > 0
    assert 0.0 < summary["baselines"]["the best 8 moves that do not look at the map"] <= 1.0
    assert "held-out success" in printed.splitlines()[-1]
    assert f"guerdon show {folder}" in printed.splitlines()[-1]
    assert "policy" in printed
    assert "reference" in printed


def test_checkpoints_are_the_last_ones_and_the_best(tmp_path):
    overrides = ("trainer.steps=6", "trainer.keep_last=2", "trainer.eval_every=2")
    outcome, _ = play(tmp_path, *overrides)
    kept = [reader.step_of(path) for path in reader.checkpoints(outcome.folder)]
    rewards = {
        row["step"]: row["eval/reward"]
        for row in reader.read_metrics(outcome.folder)
        if row["step"] and "eval/reward" in row
    }
    best = max(rewards, key=lambda step: (rewards[step], -step))
    assert kept == sorted({best, 5, 6})


def test_a_name_that_is_taken_is_refused_before_any_work(tmp_path):
    play(tmp_path, "trainer.steps=1")
    with pytest.raises(ConfigError, match=r"run\.overwrite=true"):
        play(tmp_path, "trainer.steps=1")


def test_a_run_that_failed_was_saved_and_goes_on_as_if_nothing_had_happened(tmp_path):
    whole, _ = play(tmp_path, name="whole")
    with server_dies_in_step_2(), pytest.raises(RolloutError, match="the server died"):
        play(tmp_path, "trainer.max_error_rate=0.1")
    folder = tmp_path / "small"
    assert json.loads((folder / "run.json").read_text())["status"] == "failed"
    assert [reader.step_of(path) for path in reader.checkpoints(folder)] == [1]
    outcome, printed = play(tmp_path, "trainer.max_error_rate=0.1", resume=folder)
    assert "resumed after step 1" in printed
    assert untimed(outcome.folder) == untimed(whole.folder)


def test_a_step_whose_evaluation_failed_is_not_saved_and_is_played_again(tmp_path, monkeypatch):
    whole, _ = play(tmp_path, "trainer.eval_every=1", name="whole")
    calls = []

    async def outage(*arguments, **settings):
        calls.append(arguments)
        if len(calls) == 3:  # before step 1, after it, after step 2
            raise RolloutError("the judge is down")
        return await evaluate(*arguments, **settings)

    monkeypatch.setattr(loop, "evaluate", outage)
    with pytest.raises(RolloutError, match="the judge is down"):
        play(tmp_path, "trainer.eval_every=1")
    folder = tmp_path / "small"
    assert [reader.step_of(path) for path in reader.checkpoints(folder)] == [1]
    monkeypatch.undo()
    outcome, _ = play(tmp_path, "trainer.eval_every=1", resume=folder)
    assert outcome.summary["after"] == whole.summary["after"]
    steps = [row["step"] for row in reader.read_metrics(folder)]
    assert steps == [0, 1, 2, 3]


def test_a_policy_engine_that_cannot_follow_is_refused(tmp_path):
    engine = "models.policy.engine={_target_: config_parts.Echo}"
    with pytest.raises(ConfigError, match="load_weights"):
        play(tmp_path, engine)


def test_the_warm_policy_is_what_a_kl_penalty_refers_to(tmp_path):
    outcome, _ = play(tmp_path)
    first = next(row for row in reader.read_metrics(outcome.folder) if "policy/ref_kl" in row)
    assert abs(first["policy/ref_kl"]) < 0.05
    assert (outcome.folder / "warm" / "model.safetensors").exists()


def test_a_collapse_is_told_and_ends_the_run_if_asked_to(tmp_path):
    # moves cost as much as they could ever earn and nobody arrives: equal returns, nothing to learn
    stuck = ("trainer.steps=9", "env.max_turns=1", "env.invalid_penalty=0", "trainer.eval_every=0")
    outcome, printed = play(tmp_path, *stuck, "algorithm.kl_coef=0.0", name="told")
    assert printed.count("warning: step 5: five steps in a row had nothing to learn from") == 1
    assert outcome.summary["steps"] == 9
    outcome, _ = play(
        tmp_path, *stuck, "algorithm.kl_coef=0.0", "trainer.stop_on_collapse=true", name="stopped"
    )
    assert outcome.status == "completed"
    assert (outcome.summary["steps"], outcome.summary["stopped_by"]) == (5, "no_updates")
    assert [reader.step_of(path) for path in reader.checkpoints(outcome.folder)][-1] == 5


@pytest.mark.parametrize("has_compiler", [True, False])
def test_a_missing_compiler_is_told(tmp_path, monkeypatch, has_compiler):
    if not has_compiler:
        monkeypatch.setattr(compiled, "library", lambda: None)
    elif compiled.library() is None:
        pytest.skip("there is no C compiler")
    outcome, said = play(tmp_path)
    assert ("without a C compiler" in said) == (not has_compiler)
    assert outcome.status == "completed"
