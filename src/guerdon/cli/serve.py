"""`guerdon serve`: any model directory, checkpoint or run, behind OpenAI's protocol."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from guerdon.engines.serving import EngineAnswers

API_KEY_ENV = "GUERDON_API_KEY"


def serve(
    model: Annotated[
        str, typer.Argument(help="A Hugging Face directory or hub name, a checkpoint, or a run.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What requests call it; default: the folder's.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Loopback unless you say so.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0: any free one.")] = 8000,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option("--dtype", help="Of the weights.")
    ] = "auto",
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", help="Of a reply, where the request does not say.")
    ] = 1024,
    max_cache_tokens: Annotated[
        int, typer.Option("--max-cache-tokens", help="Tokens whose keys and values are kept.")
    ] = 65_536,
    grace_s: Annotated[
        float, typer.Option("--grace-s", help="For answers under way when it is stopped.")
    ] = 30.0,
) -> None:
    """Serve a model: /v1/chat/completions, /v1/completions, /v1/models, /health.

    A key in GUERDON_API_KEY becomes the bearer token that requests must bring.
    """
    api_key = os.environ.get(API_KEY_ENV)
    _check_exposure(host, api_key)
    served = name or Path(model).absolute().name
    answers = load(model, device=device, dtype=dtype, max_cache_tokens=max_cache_tokens)

    from guerdon.llm.server import BackgroundServer
    from guerdon.llm.wire import build_app

    app = build_app(answers, served, api_key=api_key, max_tokens=max_tokens)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with BackgroundServer(app, host, port, grace_s) as server:
        guard = f"with the key in {API_KEY_ENV}" if api_key else "without a key"
        typer.echo(f"serving {served!r} at {server.url} {guard}; Ctrl-C stops it")
        while server.is_running and not stop.wait(0.5):
            continue
        typer.echo("stopping")


def load(
    model: str,
    *,
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16"] = "auto",
    max_cache_tokens: int = 65_536,
) -> EngineAnswers:
    """The model in an engine of its own.

    Raises:
        ConfigError: there is no model at ``model``, or it cannot be served.
    """
    from guerdon.backends.local import load_engine
    from guerdon.config.capacity import device_problems
    from guerdon.config.schema import ModelSpec
    from guerdon.engines.serving import EngineAnswers
    from guerdon.errors import ConfigError
    from guerdon.hf import check_model
    from guerdon.learner.checkpoint import export_policy

    native = {"_target_": "guerdon.engines.native.NativeEngine"}
    with TemporaryDirectory() as scratch:
        path = policy_folder(model)
        if (Path(path) / "adapter_config.json").exists():
            export_policy(Path(path), Path(scratch) / "merged")
            path = str(Path(scratch) / "merged")
        spec = ModelSpec(
            path=path,
            device=device,
            dtype=dtype,
            engine=native | {"max_cache_tokens": max_cache_tokens},
        )
        if problems := [*check_model(path), *device_problems("served", spec)]:
            raise ConfigError(problems)
        engine = load_engine("served", spec)
    assert engine.template is not None
    return EngineAnswers(engine, engine.template)


def policy_folder(model: str) -> str:
    """Where the policy of a run, a checkpoint or a model directory is; hub names stay."""
    folder = Path(model)
    steps = sorted((folder / "checkpoints").glob("step_*"))
    for place in (*steps[-1:], folder):
        if (place / "policy").is_dir():
            return str(place / "policy")
    return model


def _check_exposure(host: str, api_key: str | None) -> None:
    """Beyond this machine, only with a key."""
    from guerdon.errors import ConfigError

    if host not in ("127.0.0.1", "::1", "localhost") and not api_key:
        raise ConfigError(
            f"--host {host}: others could use the model; export {API_KEY_ENV}, or stay on 127.0.0.1"
        )
