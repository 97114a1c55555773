from pathlib import Path

import pytest

from guerdon.cli import main
from guerdon.compat.align_anything import convert
from guerdon.config.check import check
from guerdon.errors import ConfigError
from guerdon.tiny import TinyPolicy

HERE = Path(__file__).parent
FILES = [HERE / "ragen_base.yaml", HERE / "ragen_envs.yaml"]
ENV_ONLY = ("+train_cfgs.multi_turn=true",)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TinyPolicy(hidden=16, num_layers=1, num_heads=1, num_kv_heads=1, mlp=16).save("policy")
    return tmp_path


def values(*overrides):
    return convert(FILES, overrides).values


def test_environment_only_loads_no_critic_and_no_reward_model(folder):
    ours = values(*ENV_ONLY)
    assert set(ours["models"]) == {"policy"}
    assert ours["algorithm"]["critic"] is False
    assert ours["algorithm"]["baseline"] == "group"  # values of 0 would be no baseline
    assert check(ours).problems == []


@pytest.mark.parametrize("section", ["train_cfgs", "model_cfgs"])
def test_either_section_may_ask_for_a_critic(section, folder):
    ours = values(*ENV_ONLY, f"+{section}.use_reward_critic=true")
    assert ours["algorithm"].get("critic", True) is True
    assert check(ours).problems == []


def test_sections_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match=r"use_reward_critic=True.*differ"):
        values(*ENV_ONLY, "+train_cfgs.use_reward_critic=true",
               "+model_cfgs.use_reward_critic=false")  # fmt: skip


def test_an_alias_that_contradicts_ragens_key_is_refused():
    with pytest.raises(ConfigError, match=r"agent_proxy\.max_turn=2 and train_cfgs\.max_turn=3"):
        values(*ENV_ONLY, "+train_cfgs.max_turn=3")


def test_aliases_reach_where_ragens_keys_do():
    ours = values(*ENV_ONLY, "+train_cfgs.actor_lr=3e-5", "+train_cfgs.clip_range_ratio=[0.1,0.3]")
    assert ours["learner"]["lr"] == 3e-5
    assert (ours["algorithm"]["clip_low"], ours["algorithm"]["clip_high"]) == (0.1, 0.3)


def test_rewards_of_the_environment_come_before_a_reward_model():
    found = convert(FILES, [*ENV_ONLY, "+train_cfgs.use_reward_model=true"])
    assert "reward_model" not in found.values["models"]
    assert any("come first" in note for note in found.notes)


def test_without_multi_turn_all_four_models_are_there(folder):
    ours = values(
        "+train_cfgs.multi_turn=false",
        "+model_cfgs.reward_model_name_or_path=scorer",
        "+model_cfgs.reward_critic_model_name_or_path=policy",
        "+data_cfgs.train_datasets=prompts.jsonl",
        "+train_cfgs.kl_coeff=0.02",
        "algorithm.kl_ctrl.kl_coef=null",
    )
    assert set(ours["models"]) == {"policy", "reward_model"}
    assert ours["learner"]["critic"]["path"] == "policy"
    assert ours["algorithm"]["_target_"].endswith("PPO")
    assert (ours["algorithm"]["kl_coef"], ours["algorithm"]["kl_in"]) == (0.02, "reward")
    assert ours["tasks"]["path"] == "prompts.jsonl"


def test_no_reward_at_all_must_be_meant():
    with pytest.raises(ConfigError, match="nothing gives a reward"):
        values("+train_cfgs.multi_turn=false")
    ours = values("+train_cfgs.multi_turn=false", "+reward=zero")
    assert ours["env"]["reward"]["_target_"].endswith("Zero")


def test_two_levels_of_gae_need_a_critic():
    with pytest.raises(ConfigError, match="use_reward_critic: true"):
        values(*ENV_ONLY, "algorithm.bi_level_gae=true")


PTX = (*ENV_ONLY, "+data_cfgs.ptx_datasets=talks.jsonl", "+train_cfgs.ptx_coeff=0.5")


def test_ptx_data_sets_are_mixed_in_with_their_coefficient(folder):
    Path("talks.jsonl").write_text('{"instruction": "Add", "input": "1 2", "output": "3"}\n')
    ours = values(*PTX, "+data_cfgs.ptx_template=Alpaca", "+data_cfgs.ptx_size=10")
    assert ours["ptx"] == {
        "source": {
            "_target_": "guerdon.data.conversations.ConversationFile",
            "path": "talks.jsonl",
            "limit": 10,
            "prompt": ["instruction", "input"],
            "response": "output",
        },
        "coef": 0.5,
        "batch_size": 4,
    }
    rows = ours["trainer"]["tasks_per_step"] * ours["trainer"]["group_size"]
    assert rows // ours["learner"]["minibatches"] == 4
    assert check(ours).problems == []


def test_without_a_coefficient_or_data_nothing_is_mixed_in():
    without_data = convert(FILES, [*ENV_ONLY, "+train_cfgs.ptx_coeff=16"])
    off = convert(FILES, [*PTX, "train_cfgs.ptx_coeff=0"])
    assert "ptx" not in without_data.values and "ptx" not in off.values
    notes = {fate.key: fate.note for fate in without_data.fates}
    assert "which are not given" in notes["train_cfgs.ptx_coeff"]
    notes = {fate.key: fate.note for fate in off.fates}
    assert "nothing is mixed in" in notes["data_cfgs.ptx_datasets"]


def test_a_template_that_is_not_read_is_refused():
    with pytest.raises(ConfigError, match=r"ptx_template='TLDR': of templates, only Alpaca"):
        values(*PTX, "+data_cfgs.ptx_template=TLDR")


def test_no_key_is_unknown(folder, capsys):
    assert main(["import-config", "align_anything", *map(str, FILES), *ENV_ONLY]) == 0
    assert "0 unknown" in capsys.readouterr().err
