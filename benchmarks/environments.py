"""What playing costs beside generating: 1,000 FrozenLake episodes at once, one JSON line.

    OMP_NUM_THREADS=1 python benchmarks/environments.py [--episodes 1000]

The same tasks are played twice: by a random player, which is all that environments cost, and in a
training step of the quickstart: its untrained policy in the native engine, then one update. CPU
seconds of this process are compared, so that other work on the machine does not matter.
``overhead`` is what the step's turns cost in the environment, as a share of the step.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import tempfile
import threading
import time
from pathlib import Path

import torch

from guerdon.backends import local
from guerdon.batch import Batch
from guerdon.config.check import load
from guerdon.envs.players import Played
from guerdon.envs.steps import StepEnv
from guerdon.train.collect import collect
from guerdon.types import Env, Episode, Models, Task


def measure(env: Env, tasks: list[Task], models: Models) -> tuple[dict[str, float], list[Episode]]:
    """CPU seconds, wall seconds, turns and the most threads beyond those there were before."""
    threads, most = threading.active_count(), 0

    def count(_: object) -> None:
        nonlocal most
        most = max(most, threading.active_count() - threads)

    cpu, wall = time.process_time(), time.perf_counter()
    episodes = asyncio.run(collect(env, tasks, models, max_concurrent=len(tasks), on_done=count))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    turns = sum(episode.metrics["turns"] for episode in episodes if not episode.error)
    errors = sum(bool(episode.error) for episode in episodes)
    row = {"cpu_s": cpu, "wall_s": wall, "turns": turns, "errors": errors, "new_threads": most}
    return row, episodes


def update(parts: local.Parts, episodes: list[Episode]) -> float:
    """CPU seconds of what a training step does after its rollout."""
    started = time.process_time()
    rows = [row for episode in episodes for row in episode.trajectories]
    batch = parts.learner.annotate(Batch.from_trajectories(rows))
    parts.learner.update(parts.algorithm.estimate(batch))
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=1000)
    num = parser.parse_args().episodes
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        config, _ = load("quickstart", [f"run.dir='{folder}'"])
        parts = local.build(config, Path(folder))
        tasks, env = list(parts.tasks.load().train[:num]), parts.env
        assert isinstance(env, StepEnv)
        alone = Played(env=env, player="random")
        measure(alone, tasks, parts.models)  # worlds are built once
        gc.freeze()  # what is there by now is no garbage, and takes long to look through
        played, _ = measure(alone, tasks, parts.models)
        rollout, episodes = measure(env, tasks, parts.models)
        update_s = update(parts, episodes)
    per_turn = played["cpu_s"] / played["turns"]
    step_s = rollout["cpu_s"] + update_s
    result = {
        "episodes": len(tasks),
        "environment_us_per_turn": 1e6 * per_turn,
        "overhead": per_turn * rollout["turns"] / step_s,
        "overhead_of_rollout": per_turn * rollout["turns"] / rollout["cpu_s"],
        "environment": played,
        "rollout": rollout,
        "update_cpu_s": update_s,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
