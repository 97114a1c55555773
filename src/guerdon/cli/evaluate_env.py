"""`guerdon evaluate --env`: environments by name, and who plays them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from guerdon.types import Model

TABLE_WIDTH = 120
PolicyName = Literal["oracle", "random", "scripted"]


@dataclass(frozen=True, kw_only=True)
class Who:
    """Who plays: exactly one of a named policy, an endpoint, a model directory and a run."""

    policy: PolicyName | None
    replies: Path | None
    endpoint: str | None
    model: Path | None
    run: Path | None
    api_key_env: str | None
    temperature: float | None
    max_tokens: int | None

    def label(self) -> str:
        """A name for the table."""
        if self.endpoint:
            return f"{self.model} at {self.endpoint}"
        return str(self.policy or self.model or self.run)

    def player(self) -> Literal["oracle", "random"] | Model:
        """The player.

        Raises:
            ConfigError: not exactly one is named, or it cannot be had.
        """
        from guerdon.errors import ConfigError
        from guerdon.train.play import scripted
        from guerdon.types import Model, Sampling

        named = [self.policy, self.endpoint or self.model, self.run]
        if sum(one is not None for one in named) != 1:
            raise ConfigError(
                "--env needs one player: --policy oracle|random|scripted, --model DIR, "
                "--endpoint URL --model NAME, or --run RUN"
            )
        if (self.policy == "scripted") != (self.replies is not None):
            raise ConfigError("--policy scripted and --replies FILE go together")
        if self.policy in ("oracle", "random"):
            return self.policy
        sampling = Sampling(temperature=self.temperature or 0.0, max_tokens=self.max_tokens or 256)
        if self.replies is not None:
            return Model(scripted(self.replies), sampling)
        return self._endpoint(sampling) if self.endpoint else self._loaded(sampling)

    def _endpoint(self, sampling: Any) -> Model:
        from urllib.parse import urlsplit

        from guerdon.engines.remote import RemoteEngine
        from guerdon.errors import ConfigError
        from guerdon.types import Model

        if self.model is None:
            raise ConfigError("--endpoint needs --model NAME: what the server calls its model")
        is_here = urlsplit(self.endpoint or "").hostname in ("127.0.0.1", "localhost", "::1")
        engine: Any = RemoteEngine(
            str(self.model),
            base_url=self.endpoint or "",
            api_key_env=self.api_key_env,
            price="free" if is_here else None,
        )
        return Model(engine, sampling)

    def _loaded(self, sampling: Any) -> Model:
        """The policy of a run's best checkpoint, or of a model directory."""
        from dataclasses import replace

        from guerdon.backends import local
        from guerdon.config.check import load
        from guerdon.config.compose import run_file
        from guerdon.config.schema import ModelSpec
        from guerdon.errors import ConfigError
        from guerdon.hf import check_model
        from guerdon.train import checkpoints
        from guerdon.types import Model

        if self.run is None:
            if problems := check_model(str(self.model)):
                raise ConfigError(problems)
            return Model(local.load_engine("policy", ModelSpec(path=str(self.model))), sampling)
        config, _ = load(run_file(self.run), [], None, is_new_run=False)
        policy = {"policy": config.models["policy"]}
        settings = replace(config, models=policy)
        models = local.load_models(settings, self.run, checkpoints.best(self.run))
        asked = models["policy"].sampling
        sampling = replace(
            asked,
            temperature=self.temperature or 0.0,
            max_tokens=self.max_tokens or asked.max_tokens,
        )
        return replace(models["policy"], sampling=sampling)


def evaluate_envs(
    names: Sequence[str],
    who: Who,
    *,
    overrides: Sequence[str],
    episodes: int,
    samples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Play every environment and print one JSON object, or a table."""
    from guerdon.errors import ConfigError
    from guerdon.train.play import play

    if episodes < 1 or not 1 <= samples <= episodes:
        raise ConfigError("--episodes must be at least 1, and --samples lie between 1 and that")
    player = who.player()
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        result, played = play(
            name, player, overrides=overrides, num_episodes=episodes, samples=samples, seed=seed
        )
        valid = [episode for episode in played if not episode.error]
        turns = [episode.metrics["turns"] for episode in valid if "turns" in episode.metrics]
        found[name] = result.to_json()
        found[name] |= {"turns": sum(turns) / len(turns)} if turns else {}
        first = next((episode.error for episode in played if episode.error), None)
        found[name] |= {"first_error": first} if first else {}
    if as_json:
        head = {"policy": who.label()}
        single = {"env": names[0], **head, **found[names[0]]}
        typer.echo(json.dumps(single if len(names) == 1 else {**head, "envs": found}))
    else:
        _print_table(who.label(), found)


def _print_table(label: str, found: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", title=f"policy: {label}")
    table.add_column("environment", no_wrap=True)
    ks = sorted({k for row in found.values() for k in row.get("pass_at", {}) if k != "1"}, key=int)
    titles = ["success", "95 % interval", *(f"pass@{k}" for k in ks)]
    for title in [*titles, "reward", "turns", "episodes", "errors"]:
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in found.items():
        success, ci = row["success"], row["ci95"]
        table.add_row(
            Path(name).stem,
            "-" if success is None else f"{success:.3f}",
            "-" if ci is None else f"{ci[0]:.3f} to {ci[1]:.3f}",
            *(f"{row['pass_at'][k]:.3f}" if k in row.get("pass_at", {}) else "-" for k in ks),
            f"{row['reward']:.3f}",
            f"{row['turns']:.1f}" if "turns" in row else "-",
            str(row["episodes"]),
            str(row["errors"]),
        )
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)  # a row is a line, wherever it is printed
    console.print(table)
    for name, row in found.items():
        if "first_error" in row:
            typer.echo(
                f"{name}: {row['errors']} failed and not counted, first: {row['first_error']}"
            )
