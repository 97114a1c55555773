"""The quickstart, cut to fractions of a second, in this process."""

import io
from contextlib import contextmanager
from unittest.mock import patch

from rich.console import Console

from guerdon.config.check import load
from guerdon.envs.steps import StepEnv
from guerdon.errors import EnvError
from guerdon.runs import reader
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


@contextmanager
def server_dies_in_step_2():
    """Half of the second step's episodes fail."""
    rollout, calls = StepEnv.rollout, []

    async def outage(self, task, models):
        calls.append(task)
        if len(calls) > 12:
            raise EnvError("the server died")
        return await rollout(self, task, models)

    with patch.object(StepEnv, "rollout", outage):
        yield


def untimed(folder):
    """The rows of a run's metrics, without what differs from run to run."""
    return [
        {name: value for name, value in row.items() if not name.startswith("time/")}
        for row in reader.read_metrics(folder)
    ]
