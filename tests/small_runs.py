"""The quickstart, cut to fractions of a second, in this process."""

import io

from rich.console import Console

from guerdon.config.check import load
from guerdon.train import loop
from guerdon.train.display import Display

SMALL = (
    "trainer.steps=3",
    "trainer.tasks_per_step=2",
    "trainer.group_size=4",
    "trainer.eval_every=0",
    "trainer.save_every=1",
    "eval.num_tasks=4",
    "tasks.num_train=20",
    "tasks.num_held_out=4",
    "warmup.steps=2",
    "warmup.source.num_conversations=8",
    "models.policy.init.hidden=16",
    "models.policy.init.num_layers=1",
    "models.policy.init.mlp=16",
)


def configuration(folder, *overrides, name="small", is_new_run=True):
    """A small quickstart that writes to ``folder``, as (Config, values)."""
    places = (f"run.dir={folder}", f"run.name={name}")
    return load("quickstart", (*SMALL, *places, *overrides), is_new_run=is_new_run)


def play(folder, *overrides, name="small", resume=None):
    """Train; returns (outcome, what was printed)."""
    config, values = configuration(folder, *overrides, name=name, is_new_run=resume is None)
    console = Console(record=True, width=200, file=io.StringIO())
    outcome = loop.train(config, values, resume=resume, display=Display(console))
    return outcome, console.export_text()
