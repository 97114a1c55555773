"""A rollout's record is run and scored again without a server, and a changed one is noticed."""

import asyncio
import json
from pathlib import Path

import pytest

from guerdon.cli import main
from guerdon.envs.workflow import record
from guerdon.errors import ConfigError
from workflow_parts import noisy
from workflow_play import env, task, writing

CONFIG = """
run: {name: r}
env:
  _target_: guerdon.envs.workflow.env.Workflow
  surface: dsl
  rewards: {math: {_target_: guerdon.rewards.match.Match}}
"""


def recorded(folder, *replies, reply="42"):
    """The files that rollouts of these workflows leave."""
    models, _, _ = writing(*replies, reply=reply)
    where = env(traces=str(folder / "workflows"))
    for number, _ in enumerate(replies):
        asyncio.run(where.rollout(task(f"What is 6 * 7 and {number}?"), models))
    return sorted((folder / "workflows").glob("version_*/*.json"))


def test_a_record_holds_what_happened(tmp_path):
    (file,) = recorded(tmp_path, "Custom*2 -> ScEnsemble")
    kept = record.load(file)
    assert kept.task == task("What is 6 * 7 and 0?") and kept.step == 0
    assert kept.reply == "Custom*2 -> ScEnsemble"
    assert kept.run.answer == "42" and len(kept.run.calls) == 2
    assert kept.reward.value == pytest.approx(1 - 0.1 * 2 / 12)


def test_replay_gives_the_same_run_and_the_same_reward_exactly(tmp_path, capsys):
    programs = ("Custom*3 -> MdEnsemble -> Review ? Revise : done", "AnswerGenerate", "Hack")
    for seed in range(3):
        (tmp_path / str(seed)).mkdir()
        (tmp_path / str(seed) / "config.yaml").write_text(CONFIG)
        files = recorded(tmp_path / str(seed), *programs, reply=noisy(seed))
        assert len(files) == 3
        for file in files:
            kept = record.load(file)
            again, reward = asyncio.run(env().replay(kept, {}))
            assert reward == kept.reward and (again is None) == (kept.run is None)
            assert main(["workflow", "replay", str(file)]) == 0
            assert f"reward {reward.value:g}" in capsys.readouterr().out


def test_a_changed_record_is_noticed(tmp_path, capsys):
    (file,) = recorded(tmp_path, "Custom")
    kept = json.loads(file.read_text())
    kept["reward"]["value"] = 1.0
    file.write_text(json.dumps(kept))
    assert main(["workflow", "replay", str(file)]) == 2
    assert "no config.yaml lies above it" in capsys.readouterr().err
    (tmp_path / "config.yaml").write_text(CONFIG)
    assert main(["workflow", "replay", str(file)]) == 1
    assert "reward: Reward(value=1.0" in capsys.readouterr().out


def test_a_record_renders_as_its_run(tmp_path, capsys):
    (file,) = recorded(tmp_path, "Custom*2 -> ScEnsemble")
    assert main(["workflow", "render", str(file), "-f", "dsl"]) == 0
    assert capsys.readouterr().out == "Custom*2 -> ScEnsemble\n"


def test_what_is_no_record_is_refused(tmp_path):
    for text in ("", "[]", '{"format": "other"}', json.dumps({"format": record.FORMAT})):
        Path(tmp_path / "x.json").write_text(text)
        with pytest.raises(ConfigError, match="is no record of a workflow"):
            record.load(tmp_path / "x.json")
