"""The command line as a user meets it: what it prints, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import guerdon
from guerdon import __version__
from guerdon.cli import main
from guerdon.tiny import TinyPolicy

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(guerdon.__file__).parents[1])}

YAML = """\
# Hardware: any. Command: guerdon train --config-name mine.yaml. Expected: nothing much.
trainer: {steps: 1, tasks_per_step: 4, group_size: 2}
models:
  policy:
    path: %(policy)s
    engine: {_target_: config_parts.Echo}
algorithm: {_target_: config_parts.Relative}
env: {_target_: config_parts.OneTurn, reward: {_target_: config_parts.Exact}}
tasks: {_target_: config_parts.Rows, path: tasks.jsonl}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder with a model, tasks and a configuration that is right."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # main adds the working directory
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save("model")
    (tmp_path / "tasks.jsonl").write_text('{"question": "1+1", "answer": "2"}\n')
    (tmp_path / "mine.yaml").write_text(YAML % {"policy": "model"})
    return tmp_path


@pytest.fixture
def errors(capsys):
    """Runs a command that must be refused as a user's mistake; returns its error lines."""

    def run(*words: str) -> list[str]:
        assert main([*words]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert all(line.startswith(("error: ", "warning: ")) for line in lines)
        return [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]

    return run


CHECK = ("check", "--config-name", "mine.yaml")


def test_check_says_ok_and_shows_the_models(folder, capsys):
    assert main([*CHECK]) == 0
    out = capsys.readouterr().out
    assert "policy" in out and "parameters" in out and out.endswith("ok\n")


def test_several_mistakes_are_all_listed_and_nothing_is_written(folder, errors):
    (folder / "tasks.jsonl").write_text('{"a": 1}\nnot json\n')
    changes = ["learner.lrr=1", "trainer.steps=many", "env.reward.kind=exakt", "env.reward.model=x"]
    assert sorted(errors("train", "--config-name", "mine.yaml", *changes)) == [
        "env.reward.kind: expected 'exact' or 'prefix', got 'exakt'",
        "env.reward.model: unknown field of Exact; there are: kind, path, scale, words",
        "learner.lrr: unknown field; did you mean 'lr'?",
        "tasks: tasks.jsonl:2: not JSON",
        "trainer.steps: expected int, got 'many'",
    ]
    assert not (folder / "runs").exists()


def test_missing_and_empty_data_are_refused(folder, errors):
    assert errors(*CHECK, "tasks.path=no.jsonl") == ["tasks: no such file 'no.jsonl'"]
    (folder / "tasks.jsonl").write_text("")
    assert errors(*CHECK) == ["tasks: tasks.jsonl: empty; give it at least one task"]


def test_a_missing_model_directory_is_refused(folder, errors):
    (line,) = errors(*CHECK, "models.policy.path=./nowhere")
    assert line.startswith("models.policy.path: model './nowhere': no such directory")


def test_a_model_directory_without_tokenizer_is_refused(folder, errors):
    for file in folder.glob("model/token*"):
        file.unlink()
    (line,) = errors(*CHECK)
    assert "model 'model': no tokenizer; save one there" in line


def test_a_model_directory_without_chat_template_is_refused(folder, errors):
    (folder / "model" / "chat_template.jinja").unlink()
    (line,) = errors(*CHECK)
    assert "no chat template; add chat_template.jinja" in line


def test_an_interpolation_cycle_is_refused(folder, errors):
    lines = errors(*CHECK, "learner.lr=${eval.num_tasks}", "eval.num_tasks=${learner.lr}")
    assert lines == [
        "interpolation cycle eval.num_tasks -> learner.lr -> eval.num_tasks; give one of them a "
        "value"
    ]


def test_a_duplicate_key_is_refused_with_its_lines(folder, errors):
    (folder / "mine.yaml").write_text(YAML % {"policy": "model"} + "env: {}\n")
    assert errors(*CHECK) == [
        f"{folder / 'mine.yaml'}:10: duplicate key 'env', first on line 8; remove one of them"
    ]


def test_a_batch_that_does_not_divide_is_refused(folder, errors):
    (line,) = errors(*CHECK, "learner.minibatches=3")
    assert "3 does not divide" in line and "use one of 1, 2, 4, 8" in line


def test_a_model_that_is_not_in_models_is_refused(folder, errors):
    assert errors(*CHECK, "env.reward={_target_: config_parts.Graded, model: verifier}") == [
        "env.reward.model: no model 'verifier' in models; there are: policy",
    ]


def test_a_required_value_that_is_not_given_is_named(folder, errors):
    lines = errors("train", "--config-name", "grpo_math")
    assert any(line.startswith("models.policy.path is required: ") for line in lines)
    assert any(line.startswith("tasks.path is required: ") for line in lines)


def test_a_component_of_the_users_own_folder_is_found(folder, capsys):
    (folder / "my_reward.py").write_text(
        "class Mine:\n    async def __call__(self, task, response, models): ...\n"
    )
    assert main([*CHECK, "env.reward={_target_: my_reward.Mine}"]) == 0


def test_commands_ask_for_what_they_need(folder, errors):
    assert "--config-name is required; shipped: " in errors("train")[0]
    assert errors("evaluate") == ["give either --run RUN or --model DIR"]
    assert "is not a run directory" in errors("train", "--resume", "nowhere")[0]
    assert "is not a run directory" in errors("evaluate", "--run", "nowhere")[0]
    assert "is not a run directory" in errors("export", "nowhere", "--out", "x")[0]
    assert "--model needs --config-name" in errors("evaluate", "--model", "model")[0]
    assert "leave out" in errors("train", "--resume", "r", "learner.lr=1")[0]
    assert "no config.yaml" in errors("train", "--resume", "r", "llm.budget_usd=1")[0]


def test_export_does_not_write_over_a_folder(folder, errors):
    (folder / "run").mkdir()
    (folder / "run" / "config.yaml").write_text("a: 1\n")
    assert errors("export", "run", "--out", "model") == ["--out model: exists; name a new folder"]


def test_an_unknown_option_is_a_usage_error(capsys):
    assert main(["train", "--nonsense"]) == 2


def test_version_and_help_succeed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"guerdon {__version__}\n"
    assert main(["--help"]) == 0
    assert "evaluate" in capsys.readouterr().out


def test_debug_may_stand_anywhere_and_prints_the_traceback(folder, capsys):
    assert main([*CHECK, "learner.lrr=1", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err and err.endswith("did you mean 'lr'?\n")


def test_an_unexpected_error_is_one_line_that_offers_debug(folder, capsys):
    (folder / "broken.py").write_text("raise RuntimeError('a bug\\nof the user')\n")
    assert main([*CHECK, "env={_target_: broken.Env}"]) == 1
    assert capsys.readouterr().err == (
        "error: RuntimeError: a bug of the user (run again with --debug for the traceback)\n"
    )


def test_ctrl_c_ends_with_130(folder):
    (folder / "stops.py").write_text("raise KeyboardInterrupt\n")
    assert main([*CHECK, "env={_target_: stops.Env}"]) == 130


def test_list_names_configurations_and_components_with_what_they_are(capsys):
    assert main(["list", "configs"]) == 0
    assert "grpo_math" in capsys.readouterr().out
    assert main(["list", "models"]) == 0
    assert "guerdon.tiny.TinyPolicy" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "engines:" in capsys.readouterr().out
    assert main(["list", "nonsense"]) == 2


def test_help_and_list_import_nothing_heavy():
    script = (
        "import json, sys; from guerdon.cli import main; main(['--help']); main(['list']); "
        "print(json.dumps([m for m in ('torch', 'hydra', 'omegaconf', 'transformers') "
        "if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [], done.stderr
