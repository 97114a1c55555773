"""`guerdon env`: check an environment, or serve it to other processes."""

from __future__ import annotations

import os
import signal
import threading
from typing import Annotated

import typer

from guerdon.cli.options import Overrides

env = typer.Typer(
    help="Environments: check their promises, serve them to other processes.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="Of guerdon list envs, or a path/to/file.yaml.")]


@env.command()
def check(
    name: Name,
    overrides: Overrides = None,
    num_tasks: Annotated[int, typer.Option("--tasks", help="How many to play.")] = 5,
    chance: Annotated[
        bool, typer.Option("--chance", help="Chance decides: the oracle need not always succeed.")
    ] = False,
) -> None:
    """Play an environment at random and see whether it keeps its promises."""
    from guerdon.config.environment import load_environment
    from guerdon.envs.check import check_env
    from guerdon.envs.steps import StepEnv
    from guerdon.errors import ConfigError

    loaded, source = load_environment(name, overrides or ())
    if not isinstance(loaded, StepEnv):
        raise ConfigError(f"{name}: only a StepEnv's game can be checked by playing")
    tasks = source.load(None).held_out
    problems = check_env(loaded, tasks, num_tasks=num_tasks, oracle_solves=not chance)
    for problem in problems:
        typer.echo(f"{name}: {problem}")
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{name}: ok")


@env.command()
def serve(
    name: Name,
    overrides: Overrides = None,
    port: Annotated[int, typer.Option("--port", help="0: any free one.")] = 8100,
    idle_s: Annotated[
        float, typer.Option("--idle-s", help="A session unused for so long is closed.")
    ] = 3600.0,
    max_sessions: Annotated[
        int, typer.Option("--max-sessions", help="At once; a reset beyond is refused.")
    ] = 1024,
    threads: Annotated[
        int, typer.Option("--threads", help="Sessions that may be at work at once; 0: one.")
    ] = 8,
    timeout_s: Annotated[
        float, typer.Option("--timeout-s", help="For each call of the game.")
    ] = 120.0,
    until_parent_ends: Annotated[
        bool, typer.Option("--until-parent-ends", help="Stop when who started it is gone.")
    ] = False,
) -> None:
    """Serve an environment on this machine: reset, step, close and health over HTTP."""
    from guerdon.config.environment import load_environment
    from guerdon.envs.calls import Calls
    from guerdon.envs.serving import build_app
    from guerdon.envs.sessions import Sessions
    from guerdon.envs.steps import StepEnv
    from guerdon.errors import ConfigError
    from guerdon.llm.server import BackgroundServer

    loaded, source = load_environment(name, overrides or ())
    if not isinstance(loaded, StepEnv):
        raise ConfigError(f"{name}: only a StepEnv's game can be served")
    calls = Calls(timeout_s=timeout_s if threads else None, threads=threads)
    sessions = Sessions(loaded.game, calls, idle_s=idle_s, max_sessions=max_sessions)
    app = build_app(name, sessions, source.load(None))
    stop, parent = threading.Event(), os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with BackgroundServer(app, port=port) as server:
        typer.echo(f"serving {name!r} at {server.url}; Ctrl-C stops it")
        while server.is_running and not stop.wait(0.5):
            if until_parent_ends and os.getppid() != parent:
                break
