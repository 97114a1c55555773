"""A reward by name, with its settings and models."""

from pathlib import Path

import pytest

from config_parts import Exact
from guerdon.cli.reward_setup import component, open_reward, read_data, shipped
from guerdon.errors import ConfigError
from guerdon.rewards.match import Match

MODEL = """
_target_: guerdon.engines.remote.RemoteEngine
model: scripted
base_url: http://127.0.0.1:1/v1
price: free
"""


def opened(name, *settings, config=None):
    with open_reward(name, settings, config, None) as setup:
        return setup


def test_shipped_rewards_are_named_by_class_whatever_the_case():
    assert shipped()["math"] == "guerdon.rewards.math.Math"
    assert component("MATH") == {"_target_": "guerdon.rewards.math.Math"}
    assert component("my_rewards.Mine") == {"_target_": "my_rewards.Mine"}


def test_a_yaml_file_may_refer_to_the_models(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("_target_: config_parts.Exact\npath: ${models.judge.path}\nscale: 2\n")
    setup = opened(str(file), "models.judge.path=DIR", "reward.scale=3")
    assert setup.reward == Exact(scale=3.0, path=Path("DIR"))
    assert setup.models == {}  # the reward asks none
    with pytest.raises(ConfigError, match="judge"):
        opened(str(file))


@pytest.mark.parametrize(
    ("text", "said"), [("- 1\n", "mapping with _target_"), ("a: [\n", "not YAML")]
)
def test_a_file_that_is_no_reward_is_refused(text, said, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        component(str(file))


def test_the_reward_of_a_configuration_comes_with_its_models_but_not_its_policy(tmp_path):
    file = tmp_path / "run.yaml"
    engine = MODEL.strip().replace("\n", "\n      ")
    file.write_text(
        "env: {reward: {_target_: trust_parts.Asks}}\nmodels:\n  policy: {path: '???'}\n"
        f"  judge:\n    engine:\n      {engine}\n"
    )
    setup = opened(None, config=str(file))
    assert type(setup.reward).__name__ == "Asks" and set(setup.models) == {"judge"}
    setup = opened("match", "reward.casefold=false", config=str(file))
    assert setup.reward == Match(casefold=False) and setup.models == {}


def test_a_configuration_without_a_reward_needs_one(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("env: {game: {}}\n")
    with pytest.raises(ConfigError, match="has no reward; name one with --reward"):
        opened(None, config=str(file))


def test_rows_of_several_files_come_in_order_up_to_a_limit(tmp_path):
    files = []
    for name in "ab":
        files.append(tmp_path / f"{name}.jsonl")
        row = '{"question": "%s", "answer": "4", "response": "%s", "label": 1}\n'
        files[-1].write_text("".join(row % (i, name) for i in range(3)))
    found = read_data(files, None, 4, ())
    assert [one.responses[0] for one in found] == ["a", "a", "a", "b"]
