"""The part of `vllm serve` that the engine uses: names and kinds of vLLM 0.33's flags and no
others, its bearer token, its list of models, and its refusal of too many tokens.

`VLLM_DOUBLE` says what becomes of it: `model` serves the directory on the native engine, `echo`
says the prompt again, `crash` ends while it loads, `silent` never serves, `fragile` ends at the
first request.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

CONTEXT = 96
"""Of the models that only echo."""


def install(folder):
    """An executable `vllm` in a folder; its path."""
    here = Path(__file__).parent
    file = folder / "bin" / "vllm"
    file.parent.mkdir(parents=True)
    sources = [str(here), str(here.parent / "src")]
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {sources!r}\n"
        "import vllm_double\nvllm_double.main()\n"
    )
    file.chmod(0o755)
    return str(file)


def parser():
    """Types, choices and switches as in `vllm/entrypoints/common/cli_args.py` (FrontendArgs) and
    `vllm/engine/arg_utils.py` (ModelConfig, CacheConfig, ParallelConfig)."""
    whole = argparse.ArgumentParser(prog="vllm", allow_abbrev=False)
    serve = whole.add_subparsers(required=True).add_parser("serve", allow_abbrev=False)
    switch = {"action": argparse.BooleanOptionalAction}
    serve.add_argument("model_tag", nargs="?")
    serve.add_argument(
        "--dtype", choices=["auto", "half", "float16", "bfloat16", "float", "float32"]
    )
    serve.add_argument("--max-model-len", type=int)
    serve.add_argument("--gpu-memory-utilization", type=float)
    serve.add_argument("--tensor-parallel-size", "-tp", type=int)
    serve.add_argument("--generation-config")
    serve.add_argument("--default-chat-template-kwargs", type=json.loads)
    serve.add_argument("--served-model-name", nargs="+")
    serve.add_argument("--host")
    serve.add_argument("--port", type=int)
    serve.add_argument("--disable-uvicorn-access-log", **switch)
    serve.add_argument("--enforce-eager", **switch)
    serve.add_argument("--max-num-seqs", type=int)
    return whole


def main():
    arguments = parser().parse_args()
    fate = os.environ["VLLM_DOUBLE"]
    print("loading the weights", flush=True)
    if fate == "crash":
        print("torch.OutOfMemoryError: CUDA out of memory", file=sys.stderr)
        sys.exit(3)
    if fate == "silent":
        time.sleep(600)

    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from guerdon.llm.answers import Answer
    from guerdon.llm.asks import Rejected
    from guerdon.llm.server import BackgroundServer
    from guerdon.llm.wire import build_app

    context, (name,) = arguments.max_model_len or CONTEXT, arguments.served_model_name
    if fate == "model":
        from guerdon.cli.serve import load

        answers = load(arguments.model_tag, device="cpu", dtype=arguments.dtype)
        context = answers.engine.context

    async def answer(ask):
        if fate == "fragile":
            print("EngineDeadError", flush=True)
            os._exit(1)
        asked = ask.sampling.max_tokens
        if asked > context:
            raise Rejected(
                400,
                f"max_tokens={asked} cannot be greater than max_model_len={context}. "
                f"Please request fewer output tokens. (parameter=max_tokens, value={asked})",
            )
        if fate == "model":
            return await answers(ask)
        return Answer(f"{ask.text or ask.prompt} {asked}", tokens_in=1, tokens_out=1)

    key = os.environ["VLLM_API_KEY"]

    async def models(request):
        if request.headers.get("authorization") != f"Bearer {key}":
            return JSONResponse({"error": "Unauthorized"}, 401)
        card = {"id": name, "object": "model", "max_model_len": context, "owned_by": "vllm"}
        return JSONResponse({"object": "list", "data": [card]})

    app = build_app(answer, name, api_key=key)
    app.router.routes.insert(0, Route("/v1/models", models))
    print(json.dumps(vars(arguments)), flush=True)
    with BackgroundServer(app, arguments.host, arguments.port):
        time.sleep(600)
