"""What each mode of multi-turn PPO keeps in memory: models, gradients, moments, and the real peak.

    OMP_NUM_THREADS=1 python benchmarks/memory_by_mode.py [--hidden 384] [--json]

Every mode is one training step (rollout, annotate, update) in a process of its own, on the CPU, in
float32, with the same random Qwen2, the same tasks and full fine-tuning. Bytes are counted where
they lie: parameters in the loaded modules, gradients and moments at AdamW's step. The peak is the
process's largest resident memory, less what it was after all imports.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from transformers import Qwen2ForSequenceClassification

from guerdon.backends import local
from guerdon.batch import Batch
from guerdon.config.check import load
from guerdon.tiny import TinyPolicy
from guerdon.train.collect import collect

MIB = 1 << 20
PPO = "guerdon.algorithms.ppo.PPO"
MODES = {
    "environment, no KL": {"kl": 0.0, "critic": None, "multi_turn": True},
    "environment": {"kl": 0.01, "critic": None, "multi_turn": True},
    "environment + value head": {"kl": 0.01, "critic": "head", "multi_turn": True},
    "environment + critic": {"kl": 0.01, "critic": "model", "multi_turn": True},
    "traditional, value head": {"kl": 0.01, "critic": "head", "multi_turn": False},
    "traditional": {"kl": 0.01, "critic": "model", "multi_turn": False},
}
"""The document's three are "environment", "environment + critic" and "traditional"."""


def configuration(mode: str, folder: Path) -> dict[str, Any]:
    """The YAML of a mode: only the switches differ."""
    switch: dict[str, Any] = MODES[mode]
    has_critic = switch["critic"] is not None
    algorithm = {"_target_": PPO, "critic": has_critic, "kl_coef": switch["kl"]}
    if not has_critic:
        algorithm |= {"baseline": "group"}
    models: dict[str, Any] = {
        "policy": {"path": str(folder / "policy"), "sampling": {"max_tokens": 8}}
    }
    env: dict[str, Any] = {
        "_target_": "guerdon.envs.steps.StepEnv",
        "max_turns": 6,
        "game": {"_target_": "guerdon.envs.games.frozen_lake.FrozenLakeGame"},
    }
    if not switch["multi_turn"]:
        engine = {"_target_": "guerdon.engines.classifier.ClassifierEngine"}
        models["reward_model"] = {"path": str(folder / "reward_model"), "engine": engine}
        models["policy"]["sampling"]["max_tokens"] = 48  # as many as six turns have
        reward = {"_target_": "guerdon.rewards.reward_model.RewardModel"}
        env = {"_target_": "guerdon.envs.single_turn.SingleTurn", "reward": reward}
    told = 3 if switch["multi_turn"] else 10  # so that rows of all modes have as many tokens
    critic = {"path": str(folder / "policy")} if switch["critic"] == "model" else {}
    return {
        "run": {"name": "memory", "dir": str(folder / "runs")},
        "trainer": {"steps": 1, "tasks_per_step": 2, "group_size": 4},
        "models": models,
        "tasks": {
            "_target_": "guerdon.envs.games.frozen_lake.FrozenLakeTasks",
            "num_train": 20,
            "num_held_out": 2,
            "prompt": "Walk over a frozen lake to the goal, and not into a hole. " * told,
        },
        "env": env,
        "algorithm": algorithm,
        "learner": {"micro_tokens": 1024, "critic": critic},
    }


def measure(mode: str, folder: Path) -> dict[str, Any]:
    """One training step of a mode, in this process."""
    file = folder / "memory.yaml"
    file.write_text(yaml.safe_dump(configuration(mode, folder)))
    config, _ = load(file)
    before = resident("VmRSS")
    parts = local.build(config, folder / "run")
    held: dict[str, int] = {}

    def gradients(optimizer: Any, *_: object) -> None:
        groups = [p for group in optimizer.param_groups for p in group["params"]]
        held["gradient_bytes"] = sum(p.grad.nbytes for p in groups if p.grad is not None)

    def moments(optimizer: Any, *_: object) -> None:
        tensors = [t for state in optimizer.state.values() for t in state.values()]
        held["optimizer_bytes"] = sum(t.nbytes for t in tensors if isinstance(t, torch.Tensor))

    register_optimizer_step_pre_hook(gradients)
    register_optimizer_step_post_hook(moments)
    tasks = parts.tasks.load(parts.count_tokens).train[: config.trainer.tasks_per_step]
    size = config.trainer.group_size
    episodes = asyncio.run(collect(parts.env, tasks, parts.models, group_size=size))
    rows = [row for episode in episodes for row in episode.trajectories]
    assert rows, episodes[0].error
    batch = parts.algorithm.estimate(parts.learner.annotate(Batch.from_trajectories(rows)))
    # equal returns leave nothing to learn, and the step must be a whole one in every mode
    batch = batch.with_(advantages=batch.action_mask.float())
    parts.learner.update(batch)
    peak = resident("VmHWM")
    models = [
        {"name": row.name, "parameters": row.parameters, "trained": row.trainable}
        for row in parts.loaded.table()
    ]
    parameter_bytes = sum(row.bytes for row in parts.loaded.table())
    for name, model in parts.models.items():
        if name != "policy":
            weights = list(model.engine.model.parameters())  # type: ignore[attr-defined]
            models.append({"name": name, "parameters": sum(w.numel() for w in weights)})
            parameter_bytes += sum(w.nbytes for w in weights)
    return {
        "mode": mode,
        "num_models": sum(model["parameters"] > model_head(config) for model in models),
        "models": models,
        "parameter_bytes": parameter_bytes,
        **held,
        "tokens": int(batch.lengths.sum()),
        "imports_bytes": before,
        "peak_bytes": peak - before,
    }


def resident(name: str) -> int:
    """Bytes of this process in memory, by Linux: VmRSS now, VmHWM at most.

    Not getrusage's maximum: that a process inherits from whoever started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def model_head(config: Any) -> int:
    """Parameters of a value head: what has no more is no model of its own."""
    return 1 + int(
        json.loads(Path(config.models["policy"].path, "config.json").read_text())["hidden_size"]
    )


def make_models(folder: Path, hidden: int) -> None:
    """A random policy and a random reward model of the same shape."""
    tiny = TinyPolicy(hidden=hidden, num_layers=8, num_heads=8, num_kv_heads=4, mlp=3 * hidden)
    tiny.save(folder / "policy")
    shape = tiny.model().config
    shape.num_labels = 1
    torch.manual_seed(0)
    Qwen2ForSequenceClassification(shape).save_pretrained(folder / "reward_model")
    tiny.tokenizer().save_pretrained(folder / "reward_model")


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown, in MiB, beside the traditional mode."""
    counted = {row["mode"]: _counted(row) for row in rows}
    whole, peak = counted["traditional"], rows[-1]["peak_bytes"]
    lines = [
        "| mode | models | parameters | gradients | moments | sum | less | measured peak | less |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        parts = [row["parameter_bytes"], row["gradient_bytes"], row["optimizer_bytes"]]
        sizes = " | ".join(f"{size / MIB:.0f}" for size in [*parts, sum(parts)])
        less, lower = 1 - counted[row["mode"]] / whole, 1 - row["peak_bytes"] / peak
        lines.append(
            f"| {row['mode']} | {row['num_models']} | {sizes} | {less:.0%} "
            f"| {row['peak_bytes'] / MIB:.0f} | {lower:.0%} |"
        )
    return "\n".join(lines)


def _counted(row: dict[str, Any]) -> int:
    return int(row["parameter_bytes"] + row["gradient_bytes"] + row["optimizer_bytes"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--json", action="store_true", help="JSON lines, not a table")
    parser.add_argument("--mode", choices=MODES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.mode:
        print(json.dumps(measure(args.mode, args.folder)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        make_models(Path(scratch), args.hidden)
        for mode in MODES:
            command = [sys.executable, __file__, "--mode", mode, "--folder", scratch]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            if args.json:
                print(json.dumps(rows[-1]), flush=True)
    if not args.json:
        print(table(rows))


if __name__ == "__main__":
    main()
