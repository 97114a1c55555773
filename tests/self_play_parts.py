"""Arithmetic self-play cut to seconds, and a judge that dies after so many words."""

import io
import sqlite3
from dataclasses import dataclass, field

from rich.console import Console

from guerdon.config.check import load
from guerdon.envs.self_play.arithmetic import ArithmeticJudge, World
from guerdon.llm.asks import Ask, Rejected
from guerdon.runs import reader
from guerdon.train import loop
from guerdon.train.display import Display

SMALL = (
    "trainer.steps=4",
    "trainer.tasks_per_step=4",
    "trainer.group_size=2",
    "trainer.eval_every=2",
    "trainer.save_every=2",
    "tasks.propose_frac=0.5",
    "env.num_proposals=4",
    "env.num_samples=2",
    "eval.num_tasks=8",
    "warmup.steps=40",
    "warmup.batch_size=32",
    "warmup.source.num_conversations=256",
    "models.policy.init.hidden=32",
    "models.policy.init.num_layers=1",
    "models.policy.init.mlp=32",
)


@dataclass
class MortalJudge:
    """Computes like `ArithmeticJudge`, until it has answered ``dies_after`` times."""

    dies_after: int
    world: World = World()
    near: float = 0.0
    num_answers: int = field(default=0, init=False)

    def __call__(self, ask: Ask) -> str:
        self.num_answers += 1
        if self.num_answers > self.dies_after:
            raise Rejected(500, "dead")
        return ArithmeticJudge(world=self.world, near=self.near)(ask)


def play(folder, *overrides, name="run", resume=None):
    """Train; returns the run's folder."""
    lines = (*SMALL, f"run.dir={folder}", f"run.name={name}", *overrides)
    config, values = load("self_play_arithmetic", lines, is_new_run=resume is None)
    display = Display(Console(file=io.StringIO()))
    return loop.train(config, values, resume=resume, display=display).folder


def record(folder):
    """All of a run that must be the same again: rows but for times and the ledger's numbers,
    episodes, weights, the invented tasks, and what the judge said."""
    rows = [
        {key: value for key, value in row.items() if not key.startswith(("time/", "llm/"))}
        for row in reader.read_metrics(folder)
    ]
    files = sorted([*(folder / "episodes").iterdir(), *(folder / "eval").iterdir()])
    last = reader.checkpoints(folder)[-1]
    parts = [last / "policy" / "model.safetensors", last / "tasks.jsonl"]
    return rows, {path.name: path.read_bytes() for path in [*files, *parts]}, verdicts(folder)


def verdicts(folder):
    """Request -> reply, as the cache of the run has them."""
    with sqlite3.connect(folder / "llm.sqlite") as cache:
        return dict(cache.execute("SELECT request, reply FROM replies"))


def calls(folder):
    """How many calls the ledger counted, by outcome."""
    with sqlite3.connect(folder / "llm.sqlite") as ledger:
        return dict(ledger.execute("SELECT outcome, COUNT(*) FROM calls GROUP BY outcome"))
