from pathlib import Path

import pytest

from guerdon.cli import main
from guerdon.compat.azr import convert
from guerdon.config.check import check
from guerdon.errors import ConfigError
from guerdon.tiny import TinyPolicy

HERE = Path(__file__).parent
CODE = [HERE / "azr_ppo_trainer.yaml"]
EARN = "azr.reward.generation_reward_config"
PICK = "azr.data_selection_strategy"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save("policy")
    return tmp_path


@pytest.fixture
def general(tmp_path):
    """The general mode's file: the code mode's without what only programs have."""
    text = CODE[0].read_text()
    head = text[: text.index("reward_fn:")]
    file = tmp_path / "general.yaml"
    file.write_text(head)
    return [file, HERE / "azr_general.yaml"]


def values(*overrides):
    return convert(CODE, overrides).values


def fates(found, status):
    return {fate.key for fate in found.fates if fate.status == status}


def test_code_mode_passes_check_and_no_key_is_lost(folder):
    found = convert(CODE)
    assert fates(found, "unknown") == set()
    assert check(found.values).problems == []


def test_general_mode_passes_check_once_the_judge_has_an_address(folder, general):
    found = convert(general)
    assert fates(found, "unknown") == set()
    assert [line for line in check(found.values).problems if "base_url" not in line] == []
    found.values["models"]["judge"]["engine"]["base_url"] = "http://127.0.0.1:8000/v1"
    assert check(found.values).problems == []


def test_a_step_is_a_batch_for_each_role_of_each_kind_with_one_update():
    ours = values()
    assert ours["trainer"]["tasks_per_step"] == 64 * 3 * 2
    assert ours["learner"]["minibatches"] == 1  # ppo_mini_batch_size is replaced there, too
    assert ours["algorithm"]["baseline"] == "role"


def test_what_code_mode_says_arrives():
    ours = values("azr.executor_max_workers=5", "azr.reward.code_f_reward_type=accuracy")
    grader = ours["env"]["grader"]
    assert grader["workshop"]["sandbox"]["num_workers"] == 5
    assert grader["workshop"]["sandbox"]["limits"] == {"wall_s": 10.0}
    assert grader["code_f"] == "share"
    assert ours["env"]["num_samples"] == 8
    assert ours["env"]["wording"]["plain"] is True  # pretrained_tokenizer
    assert ours["env"]["rewards"]["ends"] == -0.5  # their code; the paper has 0
    assert ours["growth"]["fresh_first"] is True
    assert ours["growth"]["quotas"] == {"code_i": 16384, "code_o": 16384, "code_f": 16384}
    assert ours["run"]["seed"] == 1
    assert ours["trainer"]["steps"] == 500


def test_seed_files_and_how_many_lines_of_them():
    ours = values("azr.seed_dataset=a.jsonl", "azr.code_f_seed_dataset=b.jsonl")
    assert ours["tasks"]["paths"] == ["a.jsonl", "b.jsonl"]
    assert ours["tasks"]["max_seeds"] == 256
    assert "error_seeds.jsonl" not in values("azr.error_seed_dataset=error_seeds.jsonl")["tasks"]


@pytest.mark.parametrize(
    ("kept", "limits"),
    [("all", None), ("non_one", {0.0}), ("non_extremes", {0.0, 1.0})],
)
def test_program_filters_leave_out_exactly_the_extremes(kept, limits):
    growth = values(f"{PICK}.valid_program_filter={kept}")["growth"]
    low, high = growth.get("min_difficulty", 0.0), growth.get("max_difficulty", 1.0)
    refused = {k / 8 for k in range(9) if not low <= k / 8 <= high}
    assert refused == (limits or set())


def test_bonuses_arrive_only_where_they_are_on():
    assert set(values()["env"]["bonuses"]) == {"_target_"}
    on = f"{EARN}.complexity_reward"
    bonuses = values(f"{on}.enabled=true", f"{on}.coef=0.3", f"{on}.max=0.2")["env"]["bonuses"]
    assert (bonuses["complexity"], bonuses["most"]) == (0.3, 0.2)


@pytest.mark.parametrize(
    "override",
    [
        f"{EARN}.halstead_reward={{enabled: true, coef: 0.1}}",
        f"{EARN}.answer_diversity_reward={{enabled: true, coef: 0.1}}",
        "azr.gen_data_probabilities_strategy=step",
        "azr.pred_data_mix_strategy=half_new",
        "azr.pretrain_pred_steps=10",
        f"{PICK}.update_iteration=2",
        f"{PICK}.composite_scheduler.enabled=true",
        f"{PICK}.composite_start_step=100",
        f"{EARN}.remove_print=true",
        "+azr.reward.float_tolerance=0.001",
        "+azr.generate_seed_dataset_only=true",
        "reward_fn.extraction_type=boxed",
        "actor_rollout_ref.rollout.n=4",
        "+azr.task_type=chess",
    ],
)
def test_what_would_change_what_is_learned_and_is_not_offered_is_refused(override):
    with pytest.raises(ConfigError) as refusal:
        values(override)
    key = override.lstrip("+").split("=")[0]
    assert any(line.startswith(key) for line in refusal.value.problems)


def test_a_place_of_f_that_nothing_looks_at_is_listed_with_its_reason():
    found = convert(CODE, [f"{EARN}.f_replace_location=any_last"])
    fate = next(fate for fate in found.fates if fate.key.endswith("f_replace_location"))
    assert (fate.status, "must be called f" in fate.note) == ("ignored", True)


def test_a_banned_word_is_not_importable():
    imports = values(f"{PICK}.banned_words=[re, random]")["env"]["grader"]["workshop"]["imports"]
    assert "re" not in imports and "math" in imports


def test_general_mode_is_the_documents(general):
    ours = convert(general).values
    assert ours["trainer"]["tasks_per_step"] == 16
    assert (ours["trainer"]["debug"], ours["trainer"]["debug_port"]) == (True, 5680)
    assert ours["env"]["num_samples"] == 3
    assert ours["env"]["difficulty"] == "inverse"
    assert ours["env"]["judge"]["temperature"] == 0.7
    assert ours["models"]["judge"]["engine"]["model"] == "meta/llama-3.1-405b-instruct"
    assert set(ours["models"]) == {"policy", "judge"}
    assert ours["tasks"]["num_references"] == 0
    assert ours["tasks"]["seeds"]["num_seeds"] == 100


@pytest.mark.parametrize(
    "override",
    ["azr.train_propose=false", "+azr.train_judge=true", "+reward_fn.judge_with_actor=true",
     f"{EARN}.include_references=0.5", "+azr.proposer_entropy_coeff=0.5"],
)  # fmt: skip
def test_general_mode_refuses_what_it_has_not(override, general):
    with pytest.raises(ConfigError, match=override.lstrip("+").split("=")[0]):
        convert(general, [override])


def test_the_documents_own_lines_are_enough_and_what_they_leave_out_is_named(tmp_path):
    file = tmp_path / "document.yaml"
    file.write_text(
        "azr:\n  task_type: general\n  problem_types: [general]\n  reward: {n_samples: 3}\n"
        "reward_fn: {llm_model_name: some/judge, stream: true}\n"
    )
    found = convert([file])
    assert found.values["trainer"]["tasks_per_step"] == 256
    assert found.values["algorithm"]["baseline"] == "role"
    assert {fate.key for fate in found.fates} == {
        "azr.task_type", "azr.problem_types", "azr.reward.n_samples", "reward_fn.llm_model_name",
        "reward_fn.stream",
    }  # fmt: skip
    assert any("train_batch_size=128" in note for note in found.notes)


def test_azr_written_twice_is_refused_as_the_document_writes_it(tmp_path):
    file = tmp_path / "twice.yaml"
    file.write_text("azr:\n  task_type: general\nazr:\n  reward: {n_samples: 3}\n")
    with pytest.raises(ConfigError, match="duplicate key 'azr'"):
        convert([file])


def test_the_command_writes_a_file_that_is_checked_clean(folder, capsys):
    assert main(["import-config", "azr", str(CODE[0]), "--out", "mine.yaml"]) == 0
    assert "0 unknown" in capsys.readouterr().err
    assert main(["check", "--config-name", "mine.yaml"]) == 0
