"""`guerdon evaluate`: a run's best checkpoint, or any model directory, on held-out tasks; or any
player in any environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from guerdon.cli.evaluate_env import PolicyName, Who, evaluate_envs
from guerdon.cli.options import ConfigDir, ConfigName, Overrides


def evaluate(
    overrides: Overrides = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="A run directory: its best checkpoint.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A Hugging Face directory or hub name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    config_name: ConfigName = None,
    config_dir: ConfigDir = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", help="An environment (guerdon list envs) or a YAML; repeatable."),
    ] = None,
    policy: Annotated[
        PolicyName | None, typer.Option("--policy", help="With --env: who plays, if no model.")
    ] = None,
    replies: Annotated[
        Path | None, typer.Option("--replies", help="With --policy scripted: a reply a line.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="With --env: an OpenAI-compatible base URL.")
    ] = None,
    api_key_env: Annotated[
        str | None, typer.Option("--api-key-env", help="With --endpoint: the variable of its key.")
    ] = None,
    episodes: Annotated[int, typer.Option("--episodes", help="With --env: how many.")] = 200,
    samples: Annotated[
        int, typer.Option("--samples", help="With --env: episodes of each task, for pass@k.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", help="With --env: of all chance.")] = 0,
    temperature: Annotated[
        float | None, typer.Option("--temperature", help="With --env: of a model; default 0.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="With --env: of a reply; default 256.")
    ] = None,
) -> None:
    """Evaluate on held-out tasks: --run RUN, or --model DIR, or --env NAME --policy oracle."""
    from guerdon.config.check import load
    from guerdon.errors import ConfigError

    if env:
        who = Who(
            policy=policy,
            replies=replies,
            endpoint=endpoint,
            model=model,
            run=run,
            api_key_env=api_key_env,
            temperature=temperature,
            max_tokens=max_tokens,
        )
        evaluate_envs(
            env,
            who,
            overrides=overrides or (),
            episodes=episodes,
            samples=samples,
            seed=seed,
            as_json=as_json,
        )
        return
    if policy or replies or endpoint:
        raise ConfigError(
            "--policy, --replies and --endpoint need --env NAME; see guerdon list envs"
        )
    if (run is None) == (model is None):
        raise ConfigError("give either --run RUN or --model DIR")
    name = config_name or _config_of(run, model)
    extra = [] if model is None else [f"models.policy.path={_quoted(model)}"]
    extra += [] if model is None else ["models.policy.init=null", "models.policy.lora=null"]
    config, _ = load(name, [*(overrides or ()), *extra], config_dir, is_new_run=False)

    from guerdon.train import checkpoints
    from guerdon.train.display import describe
    from guerdon.train.evaluate import evaluate_run

    checkpoint = None if run is None else checkpoints.best(run)
    result = evaluate_run(config, run=run, checkpoint=checkpoint).to_json()
    if as_json:
        typer.echo(json.dumps(result))
    else:
        typer.echo(f"{checkpoint or model}: held-out {describe(result)}")


def _config_of(run: Path | None, model: Path | None) -> Path:
    """The run's configuration; for a checkpoint, that of the run it lies in."""
    from guerdon.config.compose import run_file
    from guerdon.errors import ConfigError

    if run is not None:
        return run_file(run)
    assert model is not None
    for folder in model.absolute().parents:
        if (folder / "config.yaml").is_file() and (folder / "checkpoints").is_dir():
            return folder / "config.yaml"
    raise ConfigError("--model needs --config-name: which tasks and environment to evaluate on")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"
