"""The `guerdon` command. Each subcommand has a file; none imports anything heavy until it runs."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from guerdon import __version__
from guerdon.cli.check import check
from guerdon.cli.data import data
from guerdon.cli.download import download
from guerdon.cli.env import env
from guerdon.cli.evaluate import evaluate
from guerdon.cli.export import export
from guerdon.cli.import_config import import_config
from guerdon.cli.list_ import list_
from guerdon.cli.reward import reward
from guerdon.cli.sandbox import sandbox
from guerdon.cli.serve import serve
from guerdon.cli.show import show
from guerdon.cli.tasks import tasks
from guerdon.cli.train import train
from guerdon.cli.workflow import workflow
from guerdon.errors import ConfigError, GuerdonError

app = typer.Typer(
    help="Reinforcement-learning post-training of language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs a third of the time that --help may take
)
app.command()(train)
app.command()(evaluate)
app.command()(check)
app.command(name="list")(list_)
app.command()(show)
app.command()(export)
app.add_typer(sandbox, name="sandbox")
app.add_typer(env, name="env")
app.command()(serve)
app.command(name="import-config")(import_config)
app.add_typer(workflow, name="workflow")
app.add_typer(reward, name="reward")
app.add_typer(tasks, name="tasks")
app.add_typer(data, name="data")
app.command()(download)


def _print_version(is_asked: bool) -> bool:
    if is_asked:
        typer.echo(f"guerdon {__version__}")
        raise typer.Exit
    return is_asked


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print tracebacks; may stand anywhere in the command.")
    ] = False,
) -> None:
    """Reinforcement-learning post-training of language models."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 2 for a user's mistake, 130 for Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    here = str(Path.cwd())
    if here not in sys.path:  # so that `_target_: my_env.MyEnv` finds ./my_env.py
        sys.path.append(here)
    try:
        app(args=[word for word in words if word != "--debug"], prog_name="guerdon")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except GuerdonError as error:
        return _fail(error, is_debug, error.exit_code)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _fail(error, is_debug, 1)
    return 0


def _fail(error: Exception, is_debug: bool, code: int) -> int:
    if is_debug:
        traceback.print_exception(error)
    if isinstance(error, ConfigError):
        lines = error.problems
    elif isinstance(error, GuerdonError):
        lines = [" ".join(str(error).split())]
    else:
        text = " ".join(str(error).split())[:300]
        hint = "" if is_debug else " (run again with --debug for the traceback)"
        lines = [f"{type(error).__name__}: {text}{hint}"]
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    return code
