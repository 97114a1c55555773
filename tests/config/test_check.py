import json
import struct

import pytest

from guerdon.config.check import check, examine, load
from guerdon.config.compose import compose
from guerdon.errors import ConfigError
from guerdon.tiny import TinyPolicy


@pytest.fixture(scope="session")
def policy_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy") / "tiny"
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(folder)
    return folder


@pytest.fixture
def values(policy_dir, tmp_path):
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text('{"question": "1+1"}\n')
    return {
        "run": {"name": "r", "dir": str(tmp_path / "runs")},
        "trainer": {"steps": 1, "tasks_per_step": 4, "group_size": 2},
        "models": {
            "policy": {"path": str(policy_dir), "engine": {"_target_": "config_parts.Echo"}}
        },
        "algorithm": {"_target_": "config_parts.Relative"},
        "env": {
            "_target_": "config_parts.OneTurn",
            "reward": {"_target_": "config_parts.Exact"},
        },
        "tasks": {"_target_": "config_parts.Rows", "path": str(tasks)},
    }


def test_a_configuration_without_a_mistake_has_no_problem_and_says_how_big_it_is(values):
    report = check(values)
    assert report.problems == [] and report.warnings == []
    assert report.config is not None and report.config.trainer.group_size == 2
    model = TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).model()
    num = sum(parameter.numel() for parameter in model.parameters())
    assert [(size.role, size.num_parameters, size.num_bytes) for size in report.sizes] == [
        ("policy", num, 4 * num)
    ]


def test_the_problems_of_every_part_are_reported_together(values):
    values["learnr"] = {}
    values["trainer"] |= {"steps": "many"}
    values["models"]["policy"]["lora"] = {"rnk": 8}
    values["env"]["reward"] |= {"scale": "abc"}
    values["algorithm"]["clip"] = -1
    values["tasks"]["path"] = "nowhere.jsonl"
    assert sorted(check(values).problems) == [
        "algorithm: clip must be above 0, got -1.0",
        "env.reward.scale: expected float, got 'abc'",
        "learnr: unknown field; did you mean 'learner'?",
        "models.policy.lora.rnk: unknown field; did you mean 'rank'?",
        "tasks: no such file 'nowhere.jsonl'",
        "trainer.steps: expected int, got 'many'",
    ]


def test_missing_sections_are_asked_for_and_hide_nothing_else(values):
    del values["algorithm"], values["run"]
    values["env"]["max_turns"] = []
    assert sorted(check(values).problems) == [
        "algorithm is required: give it as algorithm=VALUE or in the YAML",
        "env.max_turns: expected int, got []",
        "run is required: give it as run=VALUE or in the YAML",
    ]


@pytest.mark.parametrize("coef", [{}, {"coef": "???"}])
def test_an_optional_section_that_lacks_a_value_is_asked_for_it(values, coef):
    values["ptx"] = {"source": {"_target_": "config_parts.Talks", "talks": []}} | coef
    values["warmup"] = {"steps": 3}
    assert sorted(check(values).problems) == [
        "ptx.coef is required: give it as ptx.coef=VALUE or in the YAML",
        "warmup.source is required: give it as warmup.source=VALUE or in the YAML",
    ]


def test_an_empty_configuration_has_problems_and_not_a_traceback():
    assert len(check({}).problems) == 6


def test_a_placeholder_is_reported_once(values):
    values["models"]["policy"]["path"] = "???"
    values["tasks"]["path"] = "???"
    assert sorted(check(values).problems) == [
        "models.policy.path is required: give it as models.policy.path=VALUE or in the YAML",
        "tasks.path is required: give it as tasks.path=VALUE or in the YAML",
    ]


def test_a_model_that_a_reward_names_must_be_in_models_even_by_default(values):
    values["env"]["reward"] = {"_target_": "config_parts.Graded"}
    assert check(values).problems == [
        "env.reward.model: no model 'judge' in models; there are: policy"
    ]
    values["env"]["reward"]["model"] = "polcy"
    assert check(values).problems == [
        "env.reward.model: no model 'polcy' in models; did you mean 'policy'?"
    ]
    values["env"]["reward"]["model"] = "policy"
    assert check(values).problems == []


def test_a_remote_model_needs_no_files(values):
    values["models"]["judge"] = {"engine": {"_target_": "config_parts.Remote", "model": "big"}}
    values["env"]["reward"] = {"_target_": "config_parts.Graded"}
    assert check(values).problems == []


def test_a_model_has_one_way_to_be_made(values):
    policy = values["models"]["policy"]
    policy["init"] = {"_target_": "guerdon.tiny.TinyPolicy"}
    assert check(values).problems == [
        "models.policy: has both path and init; remove one (models.policy.init=null)"
    ]
    del policy["path"], policy["init"]
    assert check(values).problems == [
        "models.policy: needs path (a Hugging Face directory or hub name) or init"
    ]
    policy["init"] = {"_target_": "guerdon.tiny.TinyPolicy", "hiden": 8}
    assert check(values).problems == [
        "models.policy.init.hiden: unknown field of TinyPolicy; did you mean 'hidden'?"
    ]


def test_a_run_needs_a_policy(values):
    values["models"] = {"judge": values["models"]["policy"]}
    assert check(values).problems == ["models.policy: is required; it is the model that is trained"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"learner": {"minibatches": 3}},
            "learner.minibatches: 3 does not divide the step's trainer.tasks_per_step * "
            "trainer.group_size = 4 * 2 = 8 rows; use one of 1, 2, 4, 8",
        ),
        (
            {"trainer": {"steps": 1, "tasks_per_step": 4, "group_size": 1}},
            "trainer.group_size: Relative compares the members of a group, so it must be at least "
            "2, got 1",
        ),
        ({"learner": {"lr": -1}}, "learner.lr: must be at least 0, got -1.0"),
        ({"eval": {"num_tasks": 0}}, "eval.num_tasks: must be at least 1, got 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(values, change, line):
    assert check(values | change).problems == [line]


def test_a_greedy_policy_cannot_be_trained(values):
    values["models"]["policy"]["sampling"] = {"temperature": 0}
    (line,) = check(values).problems
    assert line.startswith("models.policy.sampling.temperature: must be above 0")


def test_cut_support_is_a_warning_only(values):
    values["models"]["policy"]["sampling"] = {"top_p": 0.9, "top_k": 5}
    report = check(values)
    assert report.problems == [] and "top_p=0.9, top_k=5" in report.warnings[0]


def test_a_literal_secret_is_refused_and_not_shown(values):
    values["env"]["reward"] = {
        "_target_": "config_parts.Graded",
        "model": "policy",
        "api_key": "sk-1",
    }
    (line,) = check(values).problems
    assert line.startswith("env.reward.api_key: a secret must come from the environment")
    assert "sk-1" not in line


def test_a_run_that_exists_is_neither_lost_nor_mixed_up(values, tmp_path):
    (tmp_path / "runs" / "r").mkdir(parents=True)
    (line,) = check(values).problems
    assert "exists" in line and "run.overwrite=true" in line and "--resume" in line
    assert check(values, is_new_run=False).problems == []
    values["run"]["overwrite"] = True
    assert check(values).problems == []


@pytest.mark.parametrize("name", ["", "a/b", "..", "/tmp"])
def test_a_run_name_is_a_plain_folder_name(values, name):
    values["run"]["name"] = name
    assert check(values).problems == [f"run.name: must be a plain folder name, got {name!r}"]


def test_a_run_directory_that_cannot_be_made_is_found_early(values, tmp_path):
    (tmp_path / "file").write_text("")
    values["run"]["dir"] = str(tmp_path / "file" / "runs")
    (line,) = check(values).problems
    assert line.startswith("run.dir: cannot write to")


def claim_size(folder, num_parameters: int) -> None:
    """A weight file whose header promises more than there is."""
    header = json.dumps(
        {"w": {"dtype": "BF16", "shape": [num_parameters], "data_offsets": [0, 0]}}
    ).encode()
    (folder / "more.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


@pytest.fixture
def huge(policy_dir, tmp_path, values):
    folder = tmp_path / "huge"
    folder.mkdir()
    for file in policy_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    claim_size(folder, 10**15)
    values["models"]["policy"] |= {"path": str(folder), "device": "cpu"}
    return values


def test_a_disk_too_small_for_the_checkpoints_is_found_before_training(huge):
    huge["trainer"] |= {"save_every": 1, "keep_last": 4}
    report = check(huge)
    (line,) = report.problems
    # 10^15 parameters of 2 + 8 bytes, in 4 + 1 checkpoints
    assert "no disk space" in line and "50000000.1 GB" in line
    assert report.warnings[0].startswith("memory: the models on the CPU need about")


def test_an_adapter_needs_little_disk(huge):
    huge["models"]["policy"]["lora"] = {"rank": 4}
    assert check(huge).problems == []


def test_a_weight_file_that_is_cut_has_no_size(values, policy_dir, tmp_path):
    folder = tmp_path / "cut"
    folder.mkdir()
    for file in policy_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "model.safetensors").write_bytes(b"\xff\x00")
    values["models"]["policy"]["path"] = str(folder)
    assert check(values).sizes == []


def test_a_device_that_is_not_here_is_named(values):
    values["models"]["policy"]["device"] = "cuda:63"
    assert "models.policy.device: 'cuda:63' asked for" in check(values).problems[0]
    values["models"]["policy"]["device"] = "tpu"
    assert "must be auto, cpu, cuda or cuda:N, got 'tpu'" in check(values).problems[0]


def test_an_engine_whose_package_is_not_installed_says_what_to_install(values):
    values["models"]["policy"]["engine"] = {"_target_": "needs_absent_package.Engine"}
    (line,) = check(values).problems
    assert "needs the package 'package_that_is_not_there', which is not installed; pip" in line


def test_trackers_and_engines_are_checked_without_being_made(values):
    values["trackers"] = [{"_target_": "config_parts.Remote", "model": "x", "limit_s": "abc"}]
    values["models"]["policy"]["engine"] |= {"max_batch": "abc"}
    assert sorted(check(values).problems) == [
        "models.policy.engine.max_batch: expected int, got 'abc'",
        "trackers.0.limit_s: expected float, got 'abc'",
    ]


def test_an_interpolation_without_a_value_is_reported_once_beside_the_others(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("trainer: {steps: '${a}', tasks_per_step: x}\na: '${trainer.steps}'\n")
    report, _ = examine(str(file))
    assert report.config is None
    lines = [line for line in report.problems if "steps" in line or "tasks_per_step" in line]
    assert lines == [
        "interpolation cycle a -> trainer.steps -> a; give one of them a value",
        "trainer.tasks_per_step: expected int, got 'x'",
    ]


@pytest.mark.parametrize(
    ("override", "lines"),
    [
        ("trainer.steps=many", ["trainer.steps: expected int, got 'many'"]),
        ("trainer.steps=1.5", ["trainer.steps: expected a whole number, got 1.5"]),
        ("env.max_turns=abc", ["env.max_turns: expected int, got 'abc'"]),
        ("algorithm.kl_coef.end=low", ["algorithm.kl_coef.end: expected float, got 'low'"]),
        ("algorithm.kl_coef=low", ["algorithm.kl_coef: expected float or mapping, got 'low'"]),
        ("learner.betas=[0.9]", ["learner.betas: expected list of 2, got [0.9]"]),
        (
            "trainer.group_filter={keep: top_p, value: 2}",
            ["trainer.group_filter: value of keep: top_p must be above 0 and at most 1"],
        ),
        (
            "tasks._target_=guerdon.envs.seeded.GameTask",
            [
                "tasks._target_: 'guerdon.envs.seeded.GameTask': guerdon.envs.seeded has no "
                "'GameTask'; did you mean 'GameTasks'?"
            ],
        ),
        ("trainer=5", ["trainer: expected mapping, got 5"]),
        ("models.policy=null", ["models.policy: expected mapping, got null"]),
        ("trainer.group_size=0", ["trainer.group_size: must be at least 1, got 0"]),
        ("warmup.steps=0", ["warmup.steps: must be at least 1, got 0"]),
    ],
)
def test_one_wrong_value_of_the_quickstart_is_one_line(override, lines, tmp_path):
    report, _ = examine("quickstart", [override, f"run.dir={tmp_path}"])
    assert report.problems == lines


def test_load_gives_the_typed_configuration_and_the_plain_one(values, tmp_path):
    from guerdon.config.compose import to_yaml

    file = tmp_path / "mine.yaml"
    file.write_text(to_yaml(values))
    config, plain = load(str(file), ["learner.lr=1e-3"])
    assert config.learner.lr == 1e-3 and plain["learner"] == {"lr": 1e-3}
    assert compose(str(file)) == values
    with pytest.raises(ConfigError, match=r"learner.lr: expected float"):
        load(str(file), ["learner.lr=x"])
