from pathlib import Path
from typing import Any

import pytest
import yaml

from guerdon.compat.aflow import convert
from guerdon.compat.aflow_file import TrainingFile
from guerdon.config.check import check
from guerdon.config.schema import Learner, Schedule
from guerdon.errors import ConfigError
from guerdon.learner.schedule import lr_factor
from guerdon.train.schedule import value_at

ROOT = Path(__file__).parents[2] / "scripts"
GUIDE = yaml.safe_load((ROOT / "config" / "training.yaml").read_text())
KEYS = {
    "base_model", "device_mapping", "physical_gpus", "bf16", "use_lora", "lora_rank", "lora_alpha",
    "lora_dropout", "lora_target_modules", "max_steps", "rollout_batch_size",
    "num_return_sequences_in_group", "learning_rate", "warmup_steps",
    "gradient_accumulation_steps", "clip_range", "max_grad_norm", "weight_decay", "use_kl_loss",
    "kl_loss_coef", "temperature_schedule", "generation_config", "data_dir", "train_dataset",
    "test_dataset", "domain_ratios", "aflow_config_path", "aflow_executor_model",
    "aflow_operator_descriptions_path", "execution_timeout", "output_dir", "checkpointing",
    "log_every", "save_every", "eval_every", "wandb",
}  # fmt: skip
"""Those of the training guide, and no others."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with the shipped files of operators and models."""
    (tmp_path / "config").mkdir()
    for name in ("aflow_llm.yaml", "aflow_operators.yaml"):
        (tmp_path / "config" / name).write_text((ROOT / "config" / name).read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    return tmp_path


def converted(place: Path, /, **changes: Any) -> dict[str, Any]:
    return convert(write(place, **changes)).values


def write(place: Path, **changes: Any) -> Path:
    path = place / "config" / "training.yaml"
    path.write_text(yaml.safe_dump(GUIDE | changes))
    return path


def test_the_shipped_file_has_exactly_the_guides_keys() -> None:
    assert set(GUIDE) == KEYS == set(TrainingFile.__dataclass_fields__)


def test_every_key_becomes_a_setting_of_ours(place: Path) -> None:
    values = converted(place)
    assert values["run"] == {"name": "grpo_mixed", "dir": "checkpoints/qwen25-7b"}
    assert values["trainer"] == {
        "steps": 500, "tasks_per_step": 4, "group_size": 4, "save_every": 20, "keep_last": 500,
        "eval_every": 0, "log_every": 5,
        "temperature": {"start": 0.5, "end": 0.15, "steps": 150},
    }  # fmt: skip
    policy = values["models"]["policy"]
    assert (policy["path"], policy["dtype"], policy["device"]) == (
        "Qwen/Qwen2.5-7B-Instruct", "bfloat16", "cuda:0"
    )  # fmt: skip
    assert policy["lora"] == {
        "rank": 128, "alpha": 128, "dropout": 0.05,
        "targets": ["q_proj", "k_proj", "v_proj", "o_proj"],
    }  # fmt: skip
    assert policy["sampling"] == {"temperature": 0.2, "max_tokens": 8192, "top_p": 0.95,
                                  "top_k": 50} == values["eval"]["sampling"]  # fmt: skip
    assert values["learner"] == {"lr": 2e-5, "warmup_steps": 100, "weight_decay": 0.01,
                                 "max_grad_norm": 1.0, "minibatches": 4,
                                 "gradient_checkpointing": True}  # fmt: skip
    assert values["algorithm"]["clip_low"] == values["algorithm"]["clip_high"] == 0.2
    assert values["algorithm"]["kl_coef"] == 0.02
    assert values["tasks"]["weights"] == {"math": 0.4, "qa": 0.3, "code": 0.3}
    assert values["env"]["limits"] == {"timeout_s": 180}
    assert values["env"]["operators"] == ["config/aflow_operators.yaml"]
    assert values["models"]["executor"]["engine"]["model"] == "gpt-4o-mini"


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"use_kl_loss": False}, ("algorithm", "kl_coef"), 0.0),
        ({"use_lora": False}, ("models", "policy", "lora"), None),
        ({"bf16": False}, ("models", "policy", "dtype"), "float32"),
        ({"gradient_accumulation_steps": 16}, ("learner", "minibatches"), 1),
        ({"temperature_schedule": {"enabled": False}}, ("trainer", "temperature"), None),
        ({"generation_config": {"max_tokens": 99}}, ("models", "policy", "sampling", "max_tokens"),
         99),
        ({"device_mapping": [1], "physical_gpus": [4, 6]}, ("models", "policy", "device"),
         "cuda:1"),
        ({"domain_ratios": {"math": 1}}, ("tasks", "weights"), {"math": 1.0}),
        ({"execution_timeout": 30}, ("env", "limits", "timeout_s"), 30),
        ({"wandb": {"enabled": False}}, ("trackers",), []),
    ],
)  # fmt: skip
def test_a_changed_key_changes_its_setting(
    place: Path, changes: dict, path: tuple[str, ...], value: Any
) -> None:
    found: Any = converted(place, **changes)
    for name in path:
        found = found[name]
    assert found == value


def test_physical_gpus_are_the_ones_this_process_may_see(place: Path) -> None:
    path = write(place, device_mapping=[1], physical_gpus=[4, 6])
    assert convert(path).environment == {"CUDA_VISIBLE_DEVICES": "4,6"}
    assert convert(path, device="cpu").environment == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_step": 5}, "max_step: unknown field.*max_steps"),
        ({"temperature_schedule": {"enable": True}}, "temperature_schedule.enable: unknown"),
        ({"device_mapping": [0, 1]}, "one process on one device"),
        ({"device_mapping": [1]}, "is not one of the 1 GPUs"),
        ({"gradient_accumulation_steps": 5}, "5 does not divide the 16 rollouts"),
        ({"checkpointing": {"save_dir": "elsewhere"}}, "is not output_dir"),
        ({"domain_ratios": {"art": 1}}, "domain_ratios.art: no such domain"),
        ({"train_dataset": "other/x.jsonl"}, "train_dataset: 'other/x.jsonl' is not in data_dir"),
        ({"aflow_executor_model": "gpt-5"}, "'gpt-5' is not in .*gpt-4o-mini"),
        ({"aflow_config_path": "none.yaml"}, "no file 'none.yaml'"),
        ({"aflow_operator_descriptions_path": "none.yaml"}, "no file 'none.yaml'"),
        ({"learning_rate": "fast"}, "learning_rate"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_the_reason(
    place: Path, changes: dict, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        converted(place, **changes)


def test_a_key_in_a_file_is_refused_and_a_variable_is_named(place: Path) -> None:
    models = place / "config" / "aflow_llm.yaml"
    text = models.read_text()
    assert converted(place)["models"]["executor"]["engine"]["api_key_env"] == "OPENAI_API_KEY"
    models.write_text(text.replace("${OPENAI_API_KEY}", "sk-123"))
    with pytest.raises(ConfigError, match="no place in a file"):
        converted(place)


def test_a_model_by_its_short_name_has_checkpoints_of_its_own(place: Path) -> None:
    values = convert(write(place), model="qwen3-8b", device="cpu").values
    assert values["models"]["policy"]["path"] == "Qwen/Qwen3-8B"
    assert values["models"]["policy"]["device"] == "cpu"
    assert values["run"]["dir"] == "checkpoints/qwen3-8b"


def test_notes_say_what_is_done_otherwise(place: Path) -> None:
    notes = "\n".join(convert(write(place, bf16=False)).notes)
    assert "float16" in notes


def test_the_values_pass_our_check_but_for_what_is_not_on_this_machine(place: Path) -> None:
    from guerdon.data.download import download
    from guerdon.data.process import process
    from guerdon.data.sets.all_sets import SETS
    from public_data import build_folder

    (place / "originals").mkdir()
    download(list(SETS.values()), place / "data", folder=build_folder(place / "originals"))
    process(place / "data")
    values = convert(write(place), device="cpu").values
    problems = check(values).problems
    assert all("models.policy.path" in line for line in problems), problems


def test_the_learning_rate_rises_over_the_warm_up_and_the_temperature_falls(place: Path) -> None:
    values = converted(place)
    learner = Learner(**values["learner"])
    factors = [lr_factor(step, 500, learner) for step in (0, 49, 99, 100, 499)]
    assert factors == pytest.approx([1 / 101, 50 / 101, 100 / 101, 1, 1])
    schedule = Schedule(**values["trainer"]["temperature"])
    assert [value_at(schedule, step) for step in (1, 150, 400)] == pytest.approx([0.5, 0.15, 0.15])


def test_files_it_names_are_found_from_the_folder_above_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(place)
    (place / "elsewhere").mkdir()
    monkeypatch.chdir(place / "elsewhere")
    operators = convert(file).values["env"]["operators"]
    assert operators == [str(place / "config" / "aflow_operators.yaml")]
