"""The start gate, probes and audits of a run."""

import io
import json

import pytest
from rich.console import Console

from guerdon.config.check import load
from guerdon.errors import ConfigError
from guerdon.runs import reader
from guerdon.train import loop
from guerdon.train.display import Display
from small_runs import configuration, play

CONFIG = """
run: {{name: small, dir: '{folder}'}}
trainer: {{steps: 3, tasks_per_step: 2, group_size: 4, save_every: 1}}
models:
  policy:
    init:
      _target_: guerdon.tiny.TinyPolicy
      words: [Left, Down, Right, Up, wall, hole]
      hidden: 16
      num_layers: 1
      mlp: 16
    sampling: {{max_tokens: 2}}
tasks: {{_target_: guerdon.data.files.TaskFile, path: '{folder}/tasks.jsonl', num_held_out: 4}}
env:
  _target_: guerdon.envs.single_turn.SingleTurn
  reward: {{_target_: {reward}}}
algorithm: {{_target_: guerdon.algorithms.grpo.GRPO}}
"""


def run(folder, reward, *overrides, resume=None):
    """Train on words for a few steps; returns (outcome, what was printed)."""
    words = ["Left", "Down", "Right", "Up"]
    rows = [{"question": f"wall {i} hole", "answer": words[i % 4]} for i in range(24)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = folder / "words.yaml"
    file.write_text(CONFIG.format(folder=folder, reward=reward))
    config, values = load(file, overrides, is_new_run=resume is None)
    console = Console(record=True, width=400, file=io.StringIO())
    outcome = loop.train(config, values, resume=resume, display=Display(console))
    return outcome, console.export_text()


def rows(outcome):
    return {row["step"]: row for row in reader.read_metrics(outcome.folder)}


def test_the_reward_is_tried_before_the_first_step_and_the_run_says_so(tmp_path):
    outcome, printed = run(tmp_path, "guerdon.rewards.match.Match")
    assert rows(outcome)[0]["trust/gold_paid"] == 1.0
    assert rows(outcome)[0]["trust/canary_paid"] == 0.0
    assert "reward tried: 100% of reference answers paid, 0% of canaries" in printed


def test_a_reward_that_pays_for_anything_stops_the_run_before_it_begins(tmp_path):
    with pytest.raises(ConfigError, match="canaries are paid") as caught:
        run(tmp_path, "trust_parts.Generous")
    assert "'Thought process:'" in str(caught.value)
    assert reader.read_metrics(tmp_path / "small") == []
    outcome, _ = run(tmp_path, "trust_parts.Generous", "trust.gate=false", "run.overwrite=true")
    assert outcome.status == "completed"


def test_a_game_is_not_tried(tmp_path):
    outcome, printed = play(tmp_path, "trainer.steps=1")
    assert not any(name.startswith("trust/") for row in rows(outcome).values() for name in row)
    assert "reward tried" not in printed


def test_probes_come_every_so_many_steps_and_failures_are_reported_not_fatal(tmp_path):
    outcome, printed = run(tmp_path, "trust_parts.Tiring", "trust.probe_every=2", "trainer.steps=4")
    probed = {step: row["trust/gold_paid"] for step, row in rows(outcome).items()
              if "trust/gold_paid" in row}  # fmt: skip
    assert list(probed) == [0, 2, 4] and probed[0] == 1.0 and probed[4] == 0.0
    assert "the reward failed its probe: the reference answer" in printed
    assert "reference answers fail" in (outcome.folder / "log.txt").read_text()


def test_a_share_of_episodes_is_scored_by_a_second_reward(tmp_path):
    audit = "trust.audit={_target_: guerdon.rewards.match.Match}"
    settings = (audit, "trust.audit_frac=0.5", "trust.audit_window=2")
    outcome, _ = run(tmp_path, "guerdon.rewards.match.Match", *settings)
    records = reader.read_audit(outcome.folder)
    assert 4 < len(records) < 20  # of 3 x 2 x 4 episodes
    assert all(record["train"] == record["audit"] for record in records)
    assert any("audit/reward" in row for row in rows(outcome).values())
    assert "No sign that the rewards come apart" in (outcome.folder / "audit.html").read_text()


def test_rewards_that_come_apart_are_reported_with_the_worst_trajectories(tmp_path):
    parts = ("trust.audit={_target_: trust_parts.Souring}", "trust.audit_frac=1.0")
    overrides = (*parts, "trust.audit_window=8", "trust.gate=false", "trainer.steps=6")
    outcome, printed = run(tmp_path, "trust_parts.Tempting", *overrides)
    assert printed.count("the rewards come apart") == 1
    page = (outcome.folder / "audit.html").read_text()
    assert "The rewards have come apart" in page and "wall" in page
    assert max(row.get("audit/gap_z", 0) for row in rows(outcome).values()) >= 3


def test_a_resumed_run_audits_as_if_nothing_had_happened(tmp_path):
    audit = ("trust.audit={_target_: guerdon.rewards.match.Match}", "trust.audit_frac=0.5")
    whole, _ = run(tmp_path, "guerdon.rewards.match.Match", *audit, "run.name=whole")
    part, _ = run(tmp_path, "guerdon.rewards.match.Match", *audit, "run.name=part")
    (part.folder / "summary.json").unlink()
    newest = reader.checkpoints(part.folder)[-1]
    newest.rename(newest.with_name("unfinished"))
    again, _ = run(tmp_path, "guerdon.rewards.match.Match", *audit, "run.name=part",
                   resume=part.folder)  # fmt: skip
    assert reader.read_audit(again.folder) == reader.read_audit(whole.folder)
    assert len(reader.read_audit(whole.folder)) > 0


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("trust.gold=answer", "trust.gold: must have {answer} in it"),
        ("trust.num_tasks=0", "trust.num_tasks: must be at least 1"),
        ("trust.audit={_target_: guerdon.rewards.match.Matchh}", "has no 'Matchh'"),
        ("trust.audit={_target_: config_parts.Graded}", "no model 'judge'"),
        ("trust.audit={_target_: guerdon.rewards.match.Match}", "nothing can be audited"),
        ("trust.audit_fraction=0.1", "did you mean 'audit_frac'"),
    ],
)
def test_mistakes_are_found_before_a_run(override, said, tmp_path):
    with pytest.raises(ConfigError) as caught:
        configuration(tmp_path, override)
    assert said in str(caught.value)
