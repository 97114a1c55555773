"""`guerdon reward`, as a user types it, in this process."""

import json
from pathlib import Path

import pytest

from guerdon import cli
from guerdon.llm.testing import ScriptedServer

DATA = Path(__file__).parents[3] / "shared/data"


@pytest.fixture
def rows(tmp_path):
    """Four labelled responses; the rule and the label disagree once."""
    path = tmp_path / "labelled.jsonl"
    pairs = [("4", 1), ("4", 1), ("5", 0), ("four", 1)]
    found = [
        {"question": f"{i}: 2+2?", "answer": "4", "response": response, "label": label}
        for i, (response, label) in enumerate(pairs)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


def run(capsys, *arguments, code=0):
    assert cli.main(["reward", *map(str, arguments)]) == code
    printed = capsys.readouterr()
    return printed.out if code in (0, 1) else printed.err


def test_score_ends_with_one_line_of_json(rows, capsys):
    out = run(capsys, "score", "--reward", "match", "--data", rows, "--json")
    record = json.loads(out.splitlines()[-1])
    assert record["n"] == 4 and record["errors"] == 0
    assert record["agreement"]["value"] == 0.75
    assert record["precision"]["value"] == 1.0
    assert record["recall"]["value"] == pytest.approx(2 / 3)
    for name in ("agreement", "precision", "recall", "kappa"):
        low, high = record[name]["ci95"]
        assert low <= record[name]["value"] <= high


def test_score_shows_disagreements_and_a_table(rows, capsys):
    out = run(capsys, "score", "-r", "guerdon.rewards.match.Match", "-d", rows, "--show", "5")
    assert "label 1, verdict 0" in out and "four" in out
    assert "kappa" in out


def test_settings_and_columns_are_given_on_the_command_line(tmp_path, capsys):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"ask": "2+2?", "gold": "A", "said": "a", "ok": 9}\n')
    columns = ["--column", "prompt=ask", "--column", "answer=gold", "--column", "response=said",
               "--column", "label=ok", "--column", "right_at=7"]  # fmt: skip
    strict = ["score", "-r", "match", "-d", path, "--json", *columns, "reward.casefold=false"]
    assert json.loads(run(capsys, *strict).splitlines()[-1])["agreement"]["value"] == 0.0
    assert json.loads(run(capsys, *strict[:-1]).splitlines()[-1])["agreement"]["value"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-r", "mathh"], "did you mean 'math'?"),
        (["-r", "match", "reward.casefld=true"], "did you mean 'casefold'?"),
        (["-r", "match", "casefold"], "reward.field=value"),
        (["-r", "match", "trainer.steps=1"], "no such section"),
        ([], "--reward is required"),
        (["-r", "match", "--column", "labl=x"], "--column"),
        (["-r", "match", "--format", "gsm9k"], "no format 'gsm9k'"),
        (["-r", "config_parts.Graded"], "there is no model 'judge'"),
    ],
)
def test_mistakes_are_one_line_that_says_what_to_do(arguments, said, rows, capsys):
    assert said in run(capsys, "score", "-d", rows, *arguments, code=2)


def test_calibrate_writes_a_page_and_a_record(rows, tmp_path, capsys):
    page = tmp_path / "page.html"
    out = run(capsys, "calibrate", "-r", "match", "-d", rows, "-o", page, "--samples", 2, "--json")
    record = json.loads(out.splitlines()[-1])
    assert record["consistency"]["same"]["value"] == 1.0
    assert record["sources"]["default"]["threshold"]["right_at"] == 0.5
    assert page.read_text().startswith("<!doctype html>")


def test_calibrate_knows_before_it_scores_that_a_page_cannot_be_written(rows, tmp_path, capsys):
    page = tmp_path / "none" / "page.html"
    arguments = ["calibrate", "-r", "match", "-d", rows, "-o", page]
    assert "there is no folder" in run(capsys, *arguments, code=2)


def test_stress_passes_a_rule(capsys):
    out = run(capsys, "stress", "-r", "match", "--json")
    assert json.loads(out.splitlines()[-1])["sound"] is True


def test_stress_fails_with_exit_code_1_and_names_the_attack(capsys):
    out = run(capsys, "stress", "-r", "trust_parts.Contains", "reward.bribe=full marks", code=1)
    assert "FOOLED    instruction/full marks" in out


def test_stress_takes_tasks_of_ones_own(tmp_path, capsys):
    path = tmp_path / "tasks.jsonl"
    tasks = [{"question": f"{i}+{i}?", "answer": str(2 * i)} for i in range(5)]
    path.write_text("".join(json.dumps(task) + "\n" for task in tasks))
    assert "blocked" in run(capsys, "stress", "-r", "match", "-d", path, "--limit", 1)


def test_a_reward_that_asks_a_model_gets_it_from_the_settings(rows, capsys):
    with ScriptedServer(lambda ask: "yes" if "|4" in ask.text else "no") as server:
        engine = {
            "models.judge.engine._target_": "guerdon.engines.remote.RemoteEngine",
            "models.judge.engine.model": "scripted",
            "models.judge.engine.base_url": server.url,
            "models.judge.engine.price": "free",
        }
        settings = [f"{name}={value}" for name, value in engine.items()]
        out = run(capsys, "score", "-r", "trust_parts.Asks", "-d", rows, "--json", *settings)
        assert server.num_calls == 4
    assert json.loads(out.splitlines()[-1])["recall"]["value"] == pytest.approx(2 / 3)


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")
def test_math_agrees_with_the_labels_of_gsm8ks_model_solutions(capsys):
    file = DATA / "gsm8k_model_solutions/example_model_solutions.jsonl"
    record = json.loads(run(capsys, "score", "-r", "math", "-d", file, "--json").splitlines()[-1])
    assert record["n"] == 1664
    assert record["precision"]["value"] >= 0.995 and record["recall"]["value"] >= 0.98
