"""What an episode costs by its turns: 8, 16 and 32 of the same length, with counts of tokens.

    OMP_NUM_THREADS=1 python benchmarks/turns.py [--turns 8 16 32] [--json]

Each size is one training step (rollout, annotate, update) of PPO with a critic on a game that says
the same at every turn and ends only when turns are used up; replies have a fixed number of tokens.
So an episode of n turns has n times the tokens of a turn. Prefilled, computed and sampled tokens
are the engine's own counts, trained and computed ones the learner's; seconds are of this process's
CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from guerdon.algorithms.ppo import PPO
from guerdon.batch import Batch
from guerdon.config.schema import Learner as LearnerSettings
from guerdon.engines.native import NativeEngine
from guerdon.envs.steps import StepEnv
from guerdon.learner.learner import Learner
from guerdon.learner.models import Critic, PolicyModels
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.train.collect import collect
from guerdon.types import Model, Sampling, Task


@dataclass
class Endless:
    """A game in which every turn looks the same."""

    text: str

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """Begin."""
        return self.text, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Go on."""
        return self.text, float(len(action) % 2), False, False, {}


def measure(turns: int, args: argparse.Namespace) -> dict[str, Any]:
    """One training step with episodes of so many turns."""
    tiny = TinyPolicy(hidden=args.hidden, num_layers=4, mlp=2 * args.hidden, context=8192)
    module, words = tiny.model(), tiny.tokenizer()
    template = ChatTemplate(words)
    template.stop_ids = frozenset()  # replies of fixed length: the end token ends nothing
    critic = Critic(args.hidden, None, next(module.parameters()))
    settings = LearnerSettings(lr=1e-4, micro_tokens=8192)
    models = PolicyModels(module, words, critic=critic)
    algorithm = PPO()
    learner = Learner(models, algorithm, settings, total_steps=1)
    engine = NativeEngine(module, template)
    env = StepEnv(game=Endless("o" * args.observation), max_turns=turns, invalid_message="")
    policy = Model(engine, Sampling(max_tokens=args.reply))
    tasks = [Task(str(number), ()) for number in range(args.tasks)]
    started = time.process_time()
    episodes = asyncio.run(collect(env, tasks, {"policy": policy}, group_size=args.group))
    sampled = time.process_time()
    rows = [row for episode in episodes for row in episode.trajectories]
    batch = algorithm.estimate(learner.annotate(Batch.from_trajectories(rows)))
    found = learner.update(batch)
    done = time.process_time()
    return {
        "turns": turns,
        "episodes": len(rows),
        "row_tokens": int(batch.lengths.sum()),
        "prefilled_tokens": engine.stats.prefilled_tokens,
        "sampled_tokens": engine.stats.sampled_tokens,
        "engine_computed_tokens": engine.stats.computed_tokens,
        "trained_tokens": int(found["learner/tokens_trained"]),
        "learner_computed_tokens": int(found["learner/tokens_computed"]),
        "rollout_cpu_s": round(sampled - started, 2),
        "learn_cpu_s": round(done - sampled, 2),
    }


COLUMNS = (
    "turns",
    "row_tokens",
    "prefilled_tokens",
    "sampled_tokens",
    "engine_computed_tokens",
    "trained_tokens",
    "learner_computed_tokens",
    "rollout_cpu_s",
    "learn_cpu_s",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--observation", type=int, default=24, help="tokens of each observation")
    parser.add_argument("--reply", type=int, default=12, help="tokens of each reply")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--json", action="store_true", help="JSON lines, not a table")
    args = parser.parse_args()
    measure(2, args)  # the first step of a process pays for what is set up once
    rows = [measure(turns, args) for turns in args.turns]
    if args.json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    print("| " + " | ".join(name.replace("_", " ") for name in COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for row in rows:
        print("| " + " | ".join(str(row[name]) for name in COLUMNS) + " |")


if __name__ == "__main__":
    main()
