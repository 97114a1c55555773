from pathlib import Path

import pytest

from guerdon.cli import main
from guerdon.compat.ragen import convert
from guerdon.compat.ragen_games import _READERS
from guerdon.config.check import check
from guerdon.errors import ConfigError
from guerdon.runs import reader
from guerdon.tiny import TinyPolicy

HERE = Path(__file__).parent
FILES = [HERE / "ragen_base.yaml", HERE / "ragen_envs.yaml"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TinyPolicy(hidden=16, num_layers=1, num_heads=1, num_kv_heads=1, mlp=16).save("policy")
    return tmp_path


def values(*overrides):
    return convert(FILES, overrides).values


def test_what_is_imported_passes_check(folder):
    assert check(convert(FILES).values).problems == []


def test_no_key_is_unknown():
    assert [fate for fate in convert(FILES).fates if fate.status == "unknown"] == []


def test_tags_become_domains_with_their_share_of_groups():
    ours = values()
    assert ours["tasks"]["weights"] == {"SimpleSokoban": 2.0, "FrozenLake": 2.0}
    sokoban, lake = (ours["env"]["envs"][tag] for tag in ("SimpleSokoban", "FrozenLake"))
    assert sokoban["game"]["boxes"] == 1
    assert (sokoban["max_turns"], sokoban["max_actions"]) == (2, 10)
    assert (sokoban["separator"], sokoban["max_actions_per_turn"]) == ("||", 5)
    assert sokoban["action"] == "answer"
    assert lake["game"]["slippery"] is True
    assert ours["trainer"]["tasks_per_step"] == 4
    assert ours["trainer"]["group_size"] == 4


def test_the_format_penalty_is_for_replies_without_the_form_and_for_actions_there_are_not():
    ours = values("es_manager.format_penalty=-0.25")["env"]["envs"]["SimpleSokoban"]
    assert (ours["invalid_penalty"], ours["format_penalty"]) == (0.25, 0.25)


def test_what_another_file_of_theirs_says_is_absent_when_it_is_not_given(tmp_path):
    base = tmp_path / "base.yaml"
    text = FILES[0].read_text()
    assert "defaults:" not in text
    top_p = "ctx_manager: {generation: {gen_config: {top_p: '${rollout_file.top_p}'}}}\n"
    base.write_text("defaults: [trainer_file, ragen_envs, _self_]\n" + text)
    over = tmp_path / "over.yaml"
    over.write_text(top_p)
    found = convert([base, *FILES[1:], over])
    fates = {fate.key: fate.note for fate in found.fates}
    why = "its value is in a file that was not given (trainer_file)"
    assert fates["ctx_manager.generation.gen_config.top_p"] == why
    with pytest.raises(ConfigError, match=r"rollout_file\.top_p"):
        convert([*FILES, over])


def test_symbols_follow_the_lookup():
    ours = values(
        "es_manager.train.env_configs.tags=[SokobanDifferentGridVocab]",
        "es_manager.train.env_configs.n_groups=[4]",
    )
    assert ours["env"]["envs"]["SokobanDifferentGridVocab"]["game"]["symbols"] == "W.GCBA@"


def test_rewards_are_summed_at_the_end_unless_turns_are_scored():
    assert values()["algorithm"]["rewards_at"] == "end"
    assert values("agent_proxy.use_turn_scores=true")["algorithm"]["rewards_at"] == "turn"


def test_two_levels_of_gae_and_a_warning_where_they_see_one_reward():
    found = convert(FILES, ["algorithm.bi_level_gae=true"])
    assert found.values["algorithm"]["time"] == "bilevel"
    assert found.values["algorithm"]["turn_gamma"] == 0.95
    assert any("sees one reward an episode" in note for note in found.notes)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], {"keep": "frac", "value": 0.25, "by": "std", "include_zero": True}),
        (
            [
                "+actor_rollout_ref.rollout.rollout_filter_strategy=top_p",
                "+actor_rollout_ref.rollout.rollout_filter_value=0.9",
                "+actor_rollout_ref.rollout.rollout_filter_include_zero=false",
                "actor_rollout_ref.rollout.rollout_filter_type=largest",
            ],
            {"keep": "top_p", "value": 0.9, "by": "std", "include_zero": False},
        ),
        (["actor_rollout_ref.rollout.rollout_filter_ratio=1"], None),
    ],
)
def test_filters_of_both_revisions(overrides, expected):
    assert values(*overrides)["trainer"].get("group_filter") == expected


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("identity", None),
        ("mean", {"divide": False, "over": "group"}),
        ("mean_std", {"divide": True, "over": "group"}),
        ("asym_clip", {"divide": True, "clip": [-1.0, 3.0], "over": "group"}),
    ],
)
def test_reward_normalisation(method, expected):
    ours = values(f"agent_proxy.reward_normalization.method={method}")
    assert ours["trainer"].get("reward_norm") == expected


@pytest.mark.parametrize(
    ("mode", "window", "expected"),
    [("full", -1, "Full"), ("full", 3, "Window"), ("limited_multi_turn", 3, "Window"),
     ("single_turn", 2, "Summary")],
)  # fmt: skip
def test_windows(mode, window, expected):
    ours = values(
        f"+agent_proxy.context_window_mode={mode}", f"agent_proxy.max_context_window={window}"
    )
    assert ours["env"]["envs"]["FrozenLake"]["history"]["_target_"].endswith(expected)


def test_validation_tags_that_are_not_trained_on_are_named():
    assert any("LargerSokoban" in note for note in convert(FILES).notes)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["es_manager.train.env_configs.tags=[WebShop]",
          "es_manager.train.env_configs.n_groups=[4]"], "'webshop' is not shipped"),
        (["es_manager.train.env_configs.tags=[FrozenLak]",
          "es_manager.train.env_configs.n_groups=[4]"], "did you mean 'FrozenLake'"),
        (["es_manager.train.env_configs.n_groups=[3,2]"], "sum to 5"),
        (["es_manager.train.env_configs.n_groups=[4]"], "2 tags and 1 n_groups"),
        (["algorithm.adv_estimator=brpo"], "'brpo'"),
        (["lora.rank=8", "actor_rollout_ref.model.lora_rank=4"], "mean the same and differ"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused(overrides, says):
    with pytest.raises(ConfigError, match=says):
        convert(FILES, overrides)


@pytest.mark.parametrize("kind", _READERS)
def test_every_kind_of_environment_becomes_one_that_can_be_played(kind, folder):
    ours = values(
        "es_manager.train.env_configs.tags=[X]",
        "es_manager.train.env_configs.n_groups=[4]",
        f"+custom_envs.X={{env_type: {kind}, max_actions_per_traj: 5, env_config: null}}",
    )
    assert check(ours).problems == []


def test_both_tags_train_two_steps(folder, capsys):
    assert main(["import-config", "ragen", *map(str, FILES), "--out", "mine.yaml"]) == 0
    assert main(["train", "--config-name", "mine.yaml", "eval.num_tasks=2"]) == 0
    rows = reader.read_metrics(folder / "runs" / "test")
    assert [row["step"] for row in rows] == [0, 1, 2]
    domains = {
        episode.task.domain
        for step in (1, 2)
        for episode in reader.read_episodes(folder / "runs" / "test", step)
    }
    assert domains == {"SimpleSokoban", "FrozenLake"}
    assert "0 unknown" in capsys.readouterr().err
