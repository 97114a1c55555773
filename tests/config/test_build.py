from pathlib import Path

import pytest

from guerdon.config.build import build, parse
from guerdon.config.schema import Config, Learner, Lora, Trainer
from guerdon.errors import ConfigError

EXACT = {"_target_": "config_parts.Exact"}


def problems_of(call, *arguments, **options) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        call(*arguments, **options)
    return caught.value.problems


def test_a_component_is_built_with_the_ones_inside_it():
    env = build(
        {
            "_target_": "config_parts.Routes",
            "envs": {"math": {"_target_": "config_parts.OneTurn", "reward": {**EXACT, "scale": 2}}},
            "extra": [{"_target_": "config_parts.OneTurn", "reward": EXACT}],
        }
    )
    assert env.envs["math"].reward.scale == 2.0 and isinstance(env.envs["math"].reward.scale, float)
    assert env.extra[0].max_turns == 1


def test_values_are_converted_to_the_annotated_types():
    reward = build({**EXACT, "words": ["a", "b"], "path": "x/y"})
    assert list(reward.words) == ["a", "b"] and reward.path == Path("x/y")


def test_every_mismatch_of_a_tree_is_a_line_with_its_path():
    node = {
        "_target_": "config_parts.OneTurn",
        "max_turn": 3,
        "reward": {**EXACT, "scale": "abc", "kind": "exakt"},
    }
    assert problems_of(build, node, "env") == [
        "env.reward.scale: expected float, got 'abc'",
        "env.reward.kind: expected 'exact' or 'prefix', got 'exakt'",
        "env.max_turn: unknown field of OneTurn; did you mean 'max_turns'?",
    ]


def test_a_required_field_that_is_absent_or_a_placeholder_is_asked_for():
    node = {"_target_": "config_parts.Rows"}
    line = "tasks.path is required: give it as tasks.path=VALUE or in the YAML"
    assert problems_of(build, node, "tasks") == [line]
    assert problems_of(build, {**node, "path": "???"}, "tasks") == [line]


def test_a_component_of_the_wrong_kind_is_refused():
    node = {"_target_": "config_parts.OneTurn", "reward": {"_target_": "config_parts.Rows",
                                                          "path": "x"}}  # fmt: skip
    (line,) = problems_of(build, node, "env")
    assert line.startswith("env.reward: expected a component that is a RewardFn")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("config_parts.Exat", "config_parts has no 'Exat'; did you mean 'Exact'?"),
        ("guerdon.config.biuld.build", "guerdon.config has no 'biuld'; did you mean 'build'?"),
        ("no_such_package.Thing", "there is no package 'no_such_package'"),
        ("needs_absent_package.Engine", "needs the package 'package_that_is_not_there'"),
        ("guerdon.config.build.TARGET", "is not a class or function"),
        ("os.system('x')", "must be a dotted path"),
        (None, "must be a dotted path"),
    ],
)
def test_a_target_that_cannot_be_found_says_where_the_path_ends(target, says):
    (line,) = problems_of(build, {"_target_": target}, "env")
    assert line.startswith("env._target_: ") and says in line


def test_what_the_caller_gives_fills_required_fields_and_is_not_checked():
    model, template = object(), object()
    engine = build({"_target_": "config_parts.Echo", "max_batch": 2, "any": 1},
                   "engine", model=model, template=template)  # fmt: skip
    assert engine.model is model and engine.max_batch == 2 and engine.options == {"any": 1}


def test_what_the_caller_gives_yields_to_the_yaml_and_goes_only_where_it_is_named():
    engine = build({"_target_": "config_parts.Remote", "model": "big"}, model=1, template=2)
    assert engine.model == "big"


def test_an_error_of_the_constructor_carries_the_path():
    node = {"_target_": "config_parts.Relative", "clip": -1}
    assert problems_of(build, node, "algorithm") == ["algorithm: clip must be above 0, got -1.0"]


def test_a_section_becomes_its_dataclass_with_nested_ones():
    trainer = parse(
        {"steps": 3, "tasks_per_step": 2, "temperature": {"start": 1, "end": 0.5, "steps": 2}},
        Trainer,
    )
    assert trainer.temperature is not None and trainer.temperature.end == 0.5
    assert parse({"targets": ["q", "v"]}, Lora).targets == ["q", "v"]


def test_every_mismatch_of_a_section_is_a_line_with_its_path():
    section = {
        "lr": "abc",
        "lrr": 3,
        "betas": [1, "x"],
        "epochs": 1.5,
        "schedule": "lin",
        "critic": {"pat": 1},
    }
    assert sorted(problems_of(parse, section, Learner, "learner")) == [
        "learner.betas.1: expected float, got 'x'",
        "learner.critic.pat: unknown field; did you mean 'path'?",
        "learner.epochs: expected a whole number, got 1.5",
        "learner.lr: expected float, got 'abc'",
        "learner.lrr: unknown field; did you mean 'lr'?",
        "learner.schedule: expected 'constant', 'linear' or 'cosine', got 'lin'",
    ]


def test_a_mismatch_with_a_union_names_all_its_members():
    assert problems_of(parse, {"targets": 3}, Lora, "lora") == [
        "lora.targets: expected str or list, got 3"
    ]


def test_unknown_fields_deep_in_a_mapping_of_sections_say_what_was_meant():
    values = {
        "run": {"name": "x"},
        "trainer": {"steps": 1, "tasks_per_step": 1},
        "models": {"policy": {"sampling": {"temprature": 1}, "lora": {"rnk": 8}}},
        "algorithm": {},
        "env": {},
        "tasks": {},
        "learnr": {},
    }
    assert sorted(problems_of(parse, values, Config)) == [
        "learnr: unknown field; did you mean 'learner'?",
        "models.policy.lora.rnk: unknown field; did you mean 'rank'?",
        "models.policy.sampling.temprature: unknown field; did you mean 'temperature'?",
    ]


def test_a_secret_of_the_environment_is_not_shown_in_a_message(monkeypatch, tmp_path):
    from guerdon.config.compose import compose

    monkeypatch.setenv("GUERDON_TEST_KEY", "sk-very-secret")
    (tmp_path / "x.yaml").write_text("lr: ${oc.env:GUERDON_TEST_KEY}\n")
    section = compose(tmp_path / "x.yaml")
    (line,) = problems_of(parse, {"lr": section["lr"]}, Learner)
    assert line == "lr: expected float, got ${oc.env:GUERDON_TEST_KEY}"
