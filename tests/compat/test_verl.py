from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guerdon.cli import main
from guerdon.compat.verl import convert
from guerdon.config.check import check
from guerdon.errors import ConfigError
from guerdon.tiny import TinyPolicy
from public_data import verl_rows

FILE = Path(__file__).parent / "verl_ppo_trainer.yaml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the models and rows the file names."""
    monkeypatch.chdir(tmp_path)
    for name in ("policy", "verifier"):
        TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(name)
    rows = verl_rows(30)
    pq.write_table(pa.Table.from_pylist(rows), "train.parquet")
    return tmp_path


def values(*overrides):
    return convert([FILE], overrides).values


def test_what_is_imported_passes_check(folder):
    found = convert([FILE])
    assert check(found.values).problems == []


def test_no_key_is_unknown_and_none_is_lost():
    found = convert([FILE])
    assert [fate for fate in found.fates if fate.status == "unknown"] == []
    assert len({fate.key for fate in found.fates}) == len(found.fates)


def test_values_arrive_where_they_mean_the_same():
    ours = values()
    assert ours["run"] == {"name": "grpo-verifier", "seed": 7, "dir": "checkpoints/verl"}
    assert ours["trainer"] == {
        "steps": 100,
        "tasks_per_step": 8,
        "group_size": 4,
        "save_every": 20,
        "eval_every": 5,
    }
    assert ours["models"]["policy"]["sampling"] == {
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "max_tokens": 64,
    }
    algorithm = ours["algorithm"]
    assert algorithm["_target_"].endswith("GRPO")
    assert (algorithm["clip_low"], algorithm["clip_high"]) == (0.3, 0.3)
    assert (algorithm["kl_coef"], algorithm["kl_estimator"]) == (0.0001, "k3")
    assert (algorithm["dual_clip"], algorithm["entropy_coef"]) == (10.0, 0.001)
    learner = ours["learner"]
    assert (learner["lr"], learner["minibatches"], learner["warmup_steps"]) == (5e-7, 2, 10)
    assert learner["micro_tokens"] == 2 * (1024 + 64)
    assert ours["models"]["verifier"]["path"] == "verifier"
    assert ours["env"]["reward"]["_target_"].endswith("Verifier")
    assert ours["eval"]["samples_per_task"] == 2
    assert ours["eval"]["num_tasks"] == 50


def test_an_unknown_key_is_listed():
    found = convert([FILE], ["+actor_rollout_ref.actor.clip_ration=0.2"])
    (unknown,) = [fate for fate in found.fates if fate.status == "unknown"]
    assert unknown.key == "actor_rollout_ref.actor.clip_ration"


def test_clip_low_and_high_win_over_clip_ratio():
    ours = values("+actor_rollout_ref.actor.clip_ratio_high=0.28")["algorithm"]
    assert (ours["clip_low"], ours["clip_high"]) == (0.3, 0.28)


def test_weights_between_engine_and_learner_have_two_spellings():
    assert "max_engine_weight" not in values()["algorithm"]
    old = values("+actor_rollout_ref.actor.tis_imp_ratio_cap=2")
    assert old["algorithm"]["max_engine_weight"] == 2.0
    at = "+algorithm.rollout_correction"
    new = values(f"{at}.rollout_is=token", f"{at}.rollout_is_threshold=3")
    assert new["algorithm"]["max_engine_weight"] == 3.0
    assert "old_logprobs" not in new["learner"]
    assert values(f"{at}.bypass_mode=true")["learner"]["old_logprobs"] == "engine"


def test_what_the_class_names_and_profilers_of_later_revisions_say_is_ignored():
    later = ["+algorithm._target_=x", "+trainer.npu_profile.options.level=1"]
    later += ["+actor_rollout_ref.model.mtp.enable=false", "+reward_manager.name=naive"]
    assert [fate for fate in convert([FILE], later).fates if fate.status == "unknown"] == []


def test_ppo_has_a_critic_with_its_own_learning_rate():
    ours = values("algorithm.adv_estimator=gae", "algorithm.lam=0.95", "critic.model.path=other")
    assert ours["algorithm"]["lam"] == 0.95
    assert ours["algorithm"]["value_clip"] == 0.5
    assert ours["learner"]["critic"] == {"path": "other", "lr": 1e-5}


def test_kl_in_the_reward_may_follow_a_target():
    ours = values(
        "actor_rollout_ref.actor.use_kl_loss=false",
        "+algorithm.use_kl_in_reward=true",
        "algorithm.kl_ctrl.type=adaptive",
        "+algorithm.kl_ctrl.target_kl=0.2",
        "+algorithm.kl_ctrl.horizon=3200",
    )["algorithm"]
    assert ours["kl_in"] == "reward"
    assert ours["kl_coef"] == {"start": 0.001, "target": 0.2, "gain": 8 * 4 / 3200}


@pytest.mark.parametrize(
    ("prefix", "rename"),
    [("custom_reward_function", ""), ("reward.custom_reward_function", "+")],
)
def test_a_reward_function_of_the_users_is_called(prefix, rename):
    where = rename if prefix.startswith("reward.") else ""
    old = ["~custom_reward_function"] if where else []
    ours = values(*old, f"{where}{prefix}.path=mine.py", f"{where}{prefix}.name=score")
    assert ours["env"]["reward"]["function"] == "mine.py:score"
    assert "verifier" not in ours["models"]


def test_a_classifier_is_a_reward_model():
    ours = values("reward_model.strategy=fsdp")
    assert ours["env"]["reward"]["_target_"].endswith("RewardModel")
    assert ours["models"]["reward_model"]["engine"]["_target_"].endswith("ClassifierEngine")


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["algorithm.adv_estimator=remax"], "adv_estimator: 'remax' is not offered"),
        (["actor_rollout_ref.actor.ppo_mini_batch_size=3"], "3 does not divide"),
        (["+algorithm.use_kl_in_reward=true"], "not both"),
        (["actor_rollout_ref.actor.loss_agg_mode=other"], "loss_agg_mode: 'other'"),
        (["data.train_files=[a.parquet,b.parquet]"], "train_files: 2 files"),
        (["reward_model.strategy=pairwise"], "strategy: 'pairwise'"),
        (["+algorithm.rollout_correction.rollout_is=sequence"], "rollout_is: 'sequence'"),
        (["+algorithm.rollout_correction.rollout_rs=token"], "rollout_rs: is not offered"),
        (
            ["+actor_rollout_ref.rollout.response_length=9"],
            "these mean the same and differ",
        ),
    ],
)
def test_what_would_change_the_result_is_refused(overrides, says):
    with pytest.raises(ConfigError, match=says):
        convert([FILE], overrides)


def test_the_command_writes_a_file_that_checks(folder, capsys):
    assert main(["import-config", "verl", str(FILE), "trainer.total_training_steps=2",
                 "--out", "mine.yaml"]) == 0  # fmt: skip
    report = capsys.readouterr().err
    assert "honoured  data.train_files" in report
    assert "ignored   trainer.nnodes" in report
    assert "0 unknown" in report
    assert main(["check", "--config-name", "mine.yaml"]) == 0


def test_the_command_refuses_what_is_not_there_and_does_not_write_over_a_file(folder, capsys):
    assert main(["import-config", "verl", "nowhere.yaml"]) == 2
    assert "nowhere.yaml: no such file" in capsys.readouterr().err
    Path("mine.yaml").write_text("")
    assert main(["import-config", "verl", str(FILE), "--out", "mine.yaml"]) == 2
    assert "exists" in capsys.readouterr().err
