from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guerdon.config.compose import compose, read, run_file, to_yaml
from guerdon.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write_file(text: str, name: str = "mine.yaml") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write_file


def problems_of(*arguments, **options) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compose(*arguments, **options)
    return caught.value.problems


def test_a_file_composes_to_a_plain_dict_and_the_run_is_named_after_it(write):
    file = write("learner: {lr: 1e-6}\nlist: [1, {a: x}]\n")
    assert compose(str(file)) == {
        "learner": {"lr": 1e-6},
        "list": [1, {"a": "x"}],
        "run": {"name": "mine"},
    }


def test_the_name_a_yaml_gives_its_run_wins(write):
    assert compose(str(write("run: {name: other}\n")))["run"] == {"name": "other"}


def test_overrides_set_add_remove_and_reach_into_a_section_that_is_null(write):
    file = write("a: {b: 1, c: 2}\nmodels: {policy: {lora: null}}\n")
    overrides = ["a.b=5", "a.new=x", "~a.c", "models.policy.lora.rank=8", "+d=[1,2]", "++e={f: 1}"]
    values = compose(str(file), overrides)
    assert values["a"] == {"b": 5, "new": "x"}
    assert values["models"]["policy"]["lora"] == {"rank": 8}
    assert values["d"] == [1, 2] and values["e"] == {"f": 1}


def test_a_section_may_be_given_whole_on_the_command_line(write):
    values = compose(str(write("lora: null\n")), ["lora={rank: 8, alpha: 2.5}"])
    assert values["lora"] == {"rank": 8, "alpha": 2.5}


def test_a_users_file_extends_a_shipped_one_and_picks_from_its_groups(write):
    file = write("defaults: [grpo_math, _self_]\nlearner: {lr: 3.0}\n")
    values = compose(str(file), ["algorithm=rloo"])
    assert values["learner"]["lr"] == 3.0
    assert values["algorithm"]["_target_"] == "guerdon.algorithms.rloo.RLOO"
    assert values["tasks"]["_target_"] == "guerdon.data.files.TaskFile"


def test_a_config_dir_has_names_and_groups_of_its_own(write, tmp_path):
    write("defaults: [{env: lake}]\n", "conf/top.yaml")
    write("size: 4\n", "conf/env/lake.yaml")
    write("size: 8\n", "conf/env/sea.yaml")
    assert compose("top", config_dir=tmp_path / "conf")["env"] == {"size": 4}
    assert compose("top", ["env=sea"], tmp_path / "conf")["env"] == {"size": 8}
    assert compose("grpo_math", config_dir=tmp_path / "conf")["run"]["name"] == "grpo_math"


def test_a_folder_with_a_quote_and_a_space_in_its_name_is_no_obstacle(write):
    assert compose(str(write("a: 1\n", "it's here/x.yaml")))["a"] == 1


def test_an_unknown_name_says_what_was_meant():
    assert problems_of("grpo_maht") == [
        "--config-name grpo_maht: no such configuration; did you mean 'grpo_math'?"
    ]
    assert "no such file" in problems_of("nowhere/x.yaml")[0]
    assert "no such directory" in problems_of("x", config_dir="nowhere")[0]
    assert "rename it to x.yaml" in problems_of("x.yml")[0]


def test_duplicate_keys_are_named_with_file_and_both_lines(write):
    file = write("a: 1\nlearner:\n  lr: 1\n  eps: 2\n  lr: 3\na: 2\n")
    assert problems_of(str(file)) == [
        f"{file}:5: duplicate key 'learner.lr', first on line 3; remove one of them",
        f"{file}:6: duplicate key 'a', first on line 1; remove one of them",
    ]


def test_a_duplicate_key_in_a_file_of_the_defaults_list_is_found_too(write):
    part = write("x: 1\nx: 2\n", "env/lake.yaml")
    file = write("defaults: [{env: lake}]\n")
    assert problems_of(str(file)) == [
        f"{part}:2: duplicate key 'x', first on line 1; remove one of them"
    ]


def test_yaml_that_cannot_be_read_is_named_with_its_line(write):
    file = write("a: [1, 2\nb: 3\n")
    assert problems_of(str(file))[0].startswith(f"{file}:2:")


@pytest.mark.parametrize(
    "override", ["a b=c", "=1", "~nothing", "algorithm=nothing", "algorithm=3"]
)
def test_an_override_that_cannot_be_applied_is_one_line(override):
    (line,) = problems_of("grpo_math", [override])
    assert "\n" not in line


def test_interpolation_resolves_to_values_and_to_sections(write):
    values = compose(str(write("a: {b: 2}\nc: ${a.b}\nd: ${a}\ne: x${a.b}\n")))
    assert (values["c"], values["d"], values["e"]) == (2, {"b": 2}, "x2")


def test_a_cycle_is_one_line_that_shows_the_way_round(write):
    file = write("a: ${b}\nb: x${c.d}\nc: {d: '${a}'}\nz: ${a}\n")
    assert problems_of(str(file)) == [
        "interpolation cycle a -> b -> c.d -> a; give one of them a value"
    ]


def test_a_cycle_through_a_section_is_an_error_too(write):
    lines = problems_of(str(write("a: ${b}\nb: {x: '${a}'}\n")))
    assert lines and all("\n" not in line for line in lines)


def test_references_to_nothing_and_unset_variables_are_all_reported(write, monkeypatch):
    monkeypatch.delenv("GUERDON_NO_SUCH", raising=False)
    lines = problems_of(str(write("a: ${nope.x}\nb: '${oc.env:GUERDON_NO_SUCH}'\n")))
    assert lines[0].startswith("a: cannot resolve '${nope.x}'")
    assert lines[1] == "b: environment variable GUERDON_NO_SUCH is not set; export " + (
        "GUERDON_NO_SUCH=..."
    )


def test_what_refers_to_a_missing_value_is_missing_and_no_problem_of_its_own(write):
    values, unresolved, copies = read(str(write("a: ???\nb: ${a}\nc: ['x ${a}', '${c[0]}']\n")))
    assert (values["a"], values["b"]) == ("???", "???")
    assert unresolved == {"b": "", "c.0": "", "c.1": ""}
    assert copies == {"b": "a", "c.1": "c.0"}


@pytest.mark.parametrize("override", ["a b=3", "trainer.steps", "a=[1"])
def test_an_override_that_cannot_be_read_is_shown_as_it_was_written(write, override):
    (line,) = problems_of(str(write("a: 1\n")), [override])
    assert line.startswith(f"{override!r} cannot be read as an override: write a.b=VALUE to set")


def test_a_group_that_a_configuration_does_not_choose_cannot_be_replaced(write):
    (line,) = problems_of(str(write("env: {x: 1}\n")), ["env=frozen_lake"])
    assert line.startswith("env: mine does not choose it by name, so there is nothing to replace")


def test_a_secret_of_the_environment_is_written_as_the_variable_and_read_back(write, monkeypatch):
    monkeypatch.setenv("GUERDON_TEST_KEY", "sk-very-secret")
    text = "env: {api_key: '${oc.env:GUERDON_TEST_KEY}', also: '${env.api_key}/v1', price: $5}\n"
    values = compose(str(write(text)))
    assert values["env"]["api_key"] == "sk-very-secret"
    written = to_yaml(values)
    assert "sk-very-secret" not in written
    assert compose(run_file(write(written, "config.yaml").parent)) == values


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(ConfigError, match="is not a run directory"):
        run_file(tmp_path)


def test_literal_secrets_are_never_written_and_numbers_with_such_names_are():
    written = to_yaml({"api_key": "sk-1", "hf_token": "x", "max_tokens": 5, "answer_key": "a.b"})
    assert "sk-1" not in written and "hf_token: <redacted>" in written
    assert "max_tokens: 5" in written and "answer_key: a.b" in written


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
scalars |= st.text() | st.text("${}\\a:")
keys = st.text("abc", min_size=1, max_size=3)
trees = st.recursive(scalars, lambda x: st.lists(x) | st.dictionaries(keys, x), max_leaves=20)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(keys, trees, min_size=1))
@example({"a": "x\x85", "b": ["", "\U000bd432\x85", "a\nb", "a: b\n", "1e-6", "#", "2020-01-01"]})
@example({"a": "${b}", "b": ["???x", "1e-6", "null", "$", "\\${c}", "- x: y"]})
def test_what_is_dumped_composes_to_the_same_values(tmp_path_factory, values):
    file = tmp_path_factory.mktemp("dump") / "config.yaml"
    file.write_text(to_yaml({**values, "run": {"name": "x"}}))
    assert compose(str(file)) == {**values, "run": {"name": "x"}}
