"""`guerdon serve`: any model directory or checkpoint, behind OpenAI's protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
        str, typer.Option("--dtype", help="auto, float32 or bfloat16.")
    ] = "auto",
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", help="Of a reply, where the request does not say.")
    ] = 1024,
    max_cache_tokens: Annotated[
        int, typer.Option("--max-cache-tokens", help="Tokens whose keys and values are kept.")
    ] = 65_536,
    grace_s: Annotated[
        float, typer.Option("--grace-s", help="For answers under way once it is stopped.")
    ] = 30.0,
) -> None:
    """Serve a model: /v1/chat/completions, /v1/completions, /v1/models, /health.

    A key in GUERDON_API_KEY becomes the bearer token that requests must bring.
    """
    from guerdon.engines.serving import model_folder, serve_model

    serve_model(
        model_folder(model),
        name=name or Path(model).name,
        host=host,
        port=port,
        device=device,
        dtype=dtype,
        max_tokens=max_tokens,
        max_cache_tokens=max_cache_tokens,
        grace_s=grace_s,
        on_ready=typer.echo,
    )
