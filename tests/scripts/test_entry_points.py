"""Each script says what it is for, and does it once, small."""

import json
import os
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commands import environment
from guerdon.compat.grpo_job import main
from guerdon.runs import reader
from guerdon.tiny import TinyPolicy
from public_data import verl_rows

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
SMALL_TURNS = (
    "actor_rollout_ref.rollout.response_length=8", "agent_proxy.max_turn=2",
    "agent_proxy.enable_think=false", "es_manager.train.env_groups=2",
    "es_manager.train.group_size=2", "es_manager.train.env_configs.n_groups=[1,1]",
    "es_manager.val.env_groups=2", "trainer.total_training_steps=1", "trainer.test_freq=-1",
    "ppo_mini_batch_size=4",
)  # fmt: skip


def shell(*arguments, cwd, code=0):
    """Run start_grpo_ray_job.sh and return what it printed."""
    done = subprocess.run(
        ["bash", str(SCRIPTS / "start_grpo_ray_job.sh"), *arguments],
        cwd=cwd, env=environment() | {"PYTHON": sys.executable},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a script of Python in this process, in ``tmp_path``; returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def script(name, *arguments, code=0):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        said = "".join(capsys.readouterr())
        assert (stop.value.code or 0) == code, said
        return said

    return script


@pytest.fixture
def job(monkeypatch, capsys, place):
    """Starts a GRPO job in this process, where ``place`` is; returns what it printed."""
    monkeypatch.chdir(place)

    def start(*arguments, code=0):
        assert main([*map(str, arguments)]) == code
        return "".join(capsys.readouterr())

    return start


@pytest.fixture
def place(tmp_path):
    """A repository's root, with a tiny policy in it."""
    (tmp_path / "scripts").symlink_to(SCRIPTS)
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(tmp_path / "policy")
    return tmp_path


@pytest.fixture
def rows(place):
    """Rows in verl's schema."""
    found = verl_rows(12)
    pq.write_table(pa.Table.from_pylist(found[:8]), place / "train.parquet")
    pq.write_table(pa.Table.from_pylist(found[8:]), place / "test.parquet")
    return ["--train_file", "train.parquet", "--val_file", "test.parquet"]


@pytest.mark.parametrize(
    ("name", "mentions"),
    [
        ("main_azr_ppo.py", "--config-name"),
        ("run_general_io_example.py", "--steps"),
        ("train_multi_turn.py", "--config-name"),
        ("run_multi_turn_ppo_env_rewards.py", "--output_dir"),
        ("test_multi_turn_setup.py", "--data"),
        ("train.py", "--restart"),
        ("eval_6datasets.py", "--checkpoint"),
    ],
)
def test_help_says_what_it_takes(name, mentions, run):
    assert mentions in run(name, "--help")


def test_self_play_by_name(run, tmp_path):
    said = run("main_azr_ppo.py", "--config-name=azr_ppo_trainer_genral", code=2)
    assert "did you mean 'azr_ppo_trainer_general'?" in said
    run(
        "main_azr_ppo.py", "--config-name=self_play_arithmetic", "trainer.steps=1",
        "trainer.tasks_per_step=2", "trainer.eval_every=0", "trainer.save_every=0",
        "env.num_proposals=2", "eval.num_tasks=2", "warmup.steps=2",
    )  # fmt: skip
    assert reader.read_metrics(tmp_path / "runs" / "self_play_arithmetic")[-1]["step"] == 1


def test_general_self_play_example_trains_with_its_own_judge(run, tmp_path):
    run(
        "run_general_io_example.py", "--steps", 1, "trainer.tasks_per_step=4",
        "env.num_proposals=2", "warmup.steps=4",
    )  # fmt: skip
    folder = tmp_path / "runs" / "general_io_example"
    assert reader.read_metrics(folder)[-1]["step"] == 1
    assert (folder / "llm.sqlite").is_file()


def test_multi_turn_training_by_name_and_by_file(run, place):
    words = ["model_path=policy", *SMALL_TURNS]
    run("train_multi_turn.py", "--config-name", "multi_turn_ppo_ragen", *words)
    assert reader.read_metrics(place / "runs" / "multi_turn_ppo")[-1]["step"] == 1
    file = "scripts/config/multi_turn_ppo_ragen.yaml"
    run("run_multi_turn_ppo_env_rewards.py", "--config", file, "--output_dir", "out/mine", *words)
    assert reader.read_metrics(place / "out" / "mine")[-1]["step"] == 1


def test_multi_turn_setup_ends_with_a_verdict(run, place):
    for split, name, text in (
        ("train", "prompts.json", json.dumps([{"prompt": "a"}, {"prompt": "b"}])),
        ("train", "more.txt", "c\nd\ne\n"),
        ("val", "prompts.jsonl", '{"prompt": "f"}\n'),
    ):
        (place / "data" / split).mkdir(parents=True, exist_ok=True)
        (place / "data" / split / name).write_text(text)
    said = run("test_multi_turn_setup.py", "--config-name", "multi_turn_ppo_ragen",
               "model_path=policy")  # fmt: skip
    assert "5 prompts (more.txt 3, prompts.json 2)" in said
    assert "1 prompts (prompts.jsonl 1)" in said
    assert "0 unknown" in said
    assert said.splitlines()[-1] == "READY: this run would start"


def test_multi_turn_setup_says_loudly_what_is_missing(run, place):
    said = run("test_multi_turn_setup.py", "models.policy.path=none/of/these", code=2)
    assert "WARNING: NO PROMPTS in data/train" in said
    assert said.splitlines()[-1] == "NOT READY: 1 to mend"


def test_the_job_is_started_by_the_shell_and_an_unknown_flag_ends_it_with_1(tmp_path):
    assert "--entropy_coeffient" in shell("--help", cwd=tmp_path)
    said = shell("--model_name", "policy", "--rollout_m", "8", cwd=tmp_path, code=1)
    assert "unknown: --rollout_m 8" in said


def test_a_grpo_job_trains_with_the_rule(job, place, rows):
    job(
        "--model_name", "policy", *rows, "--reward_strategy", "rule", "--train_batch_size", 4,
        "--rollout_n", 2, "--max_response_length", 8, "--total_epochs", 1, "--test_freq", -1,
        "--save_freq", -1, "--entropy_coeffient", 0.002,
    )  # fmt: skip
    folder = place / "checkpoints/general_reasoner/verl-grpo_simplelr_math_35_policy"
    assert reader.read_metrics(folder)[-1]["step"] == 2  # 8 rows, 4 a step, once
    assert "entropy_coef: 0.002" in (folder / "config.yaml").read_text()


def test_a_grpo_job_with_a_verifier_is_checked(job, place, rows):
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(
        place / "models" / "general-verifier"
    )
    said = job("--model_name", "policy", *rows, "--dry_run", "--max_response_length", 2048,
               "--train_batch_size", 8)  # fmt: skip
    assert "ok: it would start" in said
    file = place / "checkpoints/general_reasoner/verl-grpo_simplelr_math_35_policy.yaml"
    assert "path: models/general-verifier" in file.read_text()


def test_a_grpo_job_names_all_that_is_missing_and_exits_with_1(job):
    said = job("--model_name", "nowhere", code=1)
    missing = ("--train_file: not given", "--val_file: not given", "--model_name: model 'nowhere'",
               "--verifier: model 'general-verifier'")  # fmt: skip
    assert [line for line in missing if f"error: {line}" not in said] == []


@pytest.mark.parametrize("flags", [["--reward_strategy", "pairwise"], ["--pairwise_size", "4"]])
def test_comparing_in_pairs_is_refused_with_what_does_it(flags, job):
    assert "judge_grpo" in job("--model_name", "policy", *flags, code=1)


def test_a_cluster_without_ray_is_an_error(job, rows, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    said = job("--model_name", "policy", *rows, "--reward_strategy", "rule",
               "--address", "10.0.0.1:6379", code=1)  # fmt: skip
    assert "ray is not installed" in said


def test_a_job_is_submitted_to_the_cluster_that_was_asked_for(job, place, rows, monkeypatch):
    ray = place / "bin" / "ray"
    ray.parent.mkdir()
    ray.write_text('#!/bin/sh\necho "$@" >> calls.txt\n')
    ray.chmod(ray.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{ray.parent}{os.pathsep}{os.environ['PATH']}")
    job("--model_name", "policy", *rows, "--reward_strategy", "rule", "--address", "10.0.0.1:6379")
    status, submit = (place / "calls.txt").read_text().splitlines()
    assert status == "status --address 10.0.0.1:6379"
    assert submit.startswith("job submit --address 10.0.0.1:6379 -- python -m guerdon train")


def test_no_entry_point_is_long():
    names = ["main_azr_ppo.py", "run_general_io_example.py", "train_multi_turn.py",
             "run_multi_turn_ppo_env_rewards.py", "test_multi_turn_setup.py", "train.py",
             "start_grpo_ray_job.sh", "start_training.sh"]  # fmt: skip
    long = [n for n in names if len((SCRIPTS / n).read_text().splitlines()) >= 60]
    assert long == []
