"""Shipped configurations of tiny policies, cut to fractions of a second: two steps each."""

import io
import json
import math

import pytest
from rich.console import Console

from guerdon.config.check import load
from guerdon.train import loop
from guerdon.train.display import Display

SMALL = (
    "trainer.steps=2",
    "trainer.tasks_per_step=2",
    "trainer.group_size=4",
    "trainer.eval_every=0",
    "eval.num_tasks=2",
    "env.max_turns=3",
    "warmup.steps=1",
    "warmup.batch_size=4",
    "warmup.source.num_conversations=4",
    "models.policy.init.hidden=16",
    "models.policy.init.num_layers=1",
    "models.policy.init.mlp=16",
)
RUNS = [
    ("bandit", ()),
    ("sokoban", ("tasks.num_train=4", "tasks.num_held_out=2", "learner.minibatches=1")),
    *(
        ("frozen_lake", (f"algorithm={name}", "tasks.num_train=4", "tasks.num_held_out=2"))
        for name in ("ppo_turns", "ppo_no_critic", "grpo_turns", "gigpo")
    ),
]


@pytest.mark.parametrize(("name", "changes"), RUNS, ids=lambda value: str(value)[:40])
def test_two_steps_of_a_shipped_configuration_are_trained(name, changes, tmp_path):
    lines = (*SMALL, *changes, f"run.dir={tmp_path}", "run.name=small")
    display = Display(Console(file=io.StringIO()))
    outcome = loop.train(*load(name, lines), display=display)
    assert outcome.status == "completed"
    rows = [json.loads(line) for line in (outcome.folder / "metrics.jsonl").open()]
    steps = [row for row in rows if row["step"] > 0]
    assert [row["step"] for row in steps] == [1, 2]
    assert all(row["rollout/errors"] == 0 and row["rollout/episodes"] == 8 for row in steps)
    assert all(math.isfinite(row["reward/mean"]) for row in steps)
    (warm,) = [row for row in rows if row["step"] == 0]
    assert warm["warmup/loss_first"] > 0


def test_the_document_configuration_has_a_critic_by_one_switch(tmp_path):
    name = "multi_turn_ppo_env_reward_config"
    plain, _ = load(name, [f"run.dir={tmp_path}"])
    critic, _ = load(name, [f"run.dir={tmp_path}", "algorithm=ppo_turns"])
    assert plain.algorithm["critic"] is False and critic.algorithm["critic"] is True
    assert plain.env == critic.env and "reward" not in plain.env
    assert set(plain.models) == {"policy"}
