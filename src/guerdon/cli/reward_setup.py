"""A reward by name, and the models it asks: what the commands of `guerdon reward` begin with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from guerdon.data.labelled import Labelled
    from guerdon.trust.scoring import Measured
    from guerdon.types import Models

RewardName = Annotated[
    str | None,
    typer.Option(
        "--reward", "-r",
        help="A shipped reward (math, qa ...), a dotted path, or a path/to/file.yaml. "
        "Default: the one in --config-name.",
    ),
]  # fmt: skip
Settings = Annotated[
    list[str] | None,
    typer.Argument(help="reward.boxed_only=true, models.judge.path=DIR, llm.budget_usd=1 ..."),
]
Data = Annotated[list[Path], typer.Option("--data", "-d", help="Labelled responses; repeatable.")]
Format = Annotated[
    str | None, typer.Option("--format", help="Of --data; default: found by its first row.")
]
RightAt = Annotated[float, typer.Option("--right-at", help="The reward that says right.")]
TieWithin = Annotated[
    float, typer.Option("--tie-within", help="Of two responses: rewards so close are a tie.")
]
Limit = Annotated[int | None, typer.Option("--limit", help="The first so many examples.")]
Concurrent = Annotated[int, typer.Option("--max-concurrent", help="Examples scored at once.")]
ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="WHAT=NAME",
        help="Of files of your own: prompt=, answer=, response=, label= and domain= name a column; "
        "right_at=7: labels are numbers, right from 7 on. Repeatable.",
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="End with one line of JSON.")]


@dataclass(frozen=True)
class Setup:
    """A reward that is ready to be asked."""

    name: str
    reward: Measured
    models: Models


@contextmanager
def open_reward(
    name: str | None, settings: Sequence[str], config_name: str | None, config_dir: Path | None
) -> Iterator[Setup]:
    """Build a reward and load the models it names; closes what was opened.

    Raises:
        ConfigError: no such reward, a setting that does not fit, or a model that is missing.
    """
    values = _values(name, settings, config_name, config_dir)
    node = values["reward"]
    reward, used = _build(node)
    with _models(used, values) as models:
        try:
            yield Setup(name or str(node.get("_target_")).rpartition(".")[2], reward, models)
        finally:
            if callable(close := getattr(reward, "close", None)):
                close()


def read_data(
    files: Sequence[Path], form: str | None, limit: int | None, columns: Sequence[str]
) -> list[Labelled]:
    """The labelled responses of all files.

    Raises:
        ConfigError: a file or a column is missing, or ``columns`` cannot be read.
    """
    from guerdon.config.build import parse
    from guerdon.data.labelled.formats import read_labelled
    from guerdon.data.labelled.rows import Columns
    from guerdon.errors import ConfigError

    fields = {}
    for column in columns:
        what, found, name = column.partition("=")
        if not found or not name:
            raise ConfigError(f"--column {column}: write it as WHAT=NAME, such as label=is_correct")
        fields[what if what == "right_at" else f"{what}_key"] = name
    named = parse(fields, Columns, "--column")
    found_rows = [one for file in files for one in read_labelled(file, form, named)]
    return found_rows[:limit]


def _values(
    name: str | None, settings: Sequence[str], config_name: str | None, config_dir: Path | None
) -> dict[str, Any]:
    """Sections ``reward``, ``models`` and ``llm``: of the configuration, with the settings."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from guerdon.config.compose import read
    from guerdon.errors import ConfigError

    own = [line for line in settings if line.startswith("reward.") or config_name is None]
    bad = [line for line in own if "=" not in line]
    if bad:
        raise ConfigError(f"{bad[0]!r}: write it as reward.field=value or models.name.field=value")
    values: dict[str, Any] = {}
    if config_name is not None:
        rest = [line for line in settings if line not in own]
        values, *_ = read(config_name, rest, config_dir)
    node = values.get("env", {}).get("reward") if name is None else component(name)
    if not isinstance(node, Mapping):
        raise ConfigError(
            f"--reward is required: {', '.join(sorted(shipped()))}, a dotted path, or a YAML file"
            if config_name is None
            else f"--config-name {config_name}: its env has no reward; name one with --reward"
        )
    base = {"reward": node, "models": values.get("models", {}), "llm": values.get("llm", {})}
    try:
        given = OmegaConf.from_dotlist(own)
        unknown = sorted(map(str, set(given) - set(base)))
        if unknown:
            raise ConfigError(
                f"{unknown[0]}: no such section here; settings begin with reward., models. or llm."
            )
        merged = OmegaConf.merge(OmegaConf.create(_plain(base)), given)
        found: Any = OmegaConf.to_container(merged, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(" ".join(str(error).split())[:300]) from None
    return dict(found)


def _plain(value: Any) -> Any:
    """Text that remembers where it came from is text here: nothing is written."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def shipped() -> dict[str, str]:
    """Names of rewards that come with guerdon, and where each is: a YAML file or a class."""
    from guerdon.cli.list_ import components
    from guerdon.config.compose import SHIPPED

    classes = {path.rpartition(".")[2].casefold(): path for path, _ in components("rewards")}
    files = sorted(SHIPPED.glob("*/*.yaml"))
    presets = [file for file in files if "\n_target_: guerdon.rewards." in file.read_text()]
    return classes | {file.stem: str(file) for file in presets}


def component(name: str) -> dict[str, Any]:
    """The configuration of a reward: a shipped name, a YAML file, or a dotted path.

    Raises:
        ConfigError: there is none of that name.
    """
    import yaml

    from guerdon.config.fields import did_you_mean
    from guerdon.errors import ConfigError

    known = shipped()
    place = known.get(name.casefold(), name)
    if not place.endswith((".yaml", ".yml")):
        if "." not in place:
            hint = did_you_mean(name, known) or f"; there are: {', '.join(sorted(known))}"
            raise ConfigError(f"--reward {name}: no such reward{hint}")
        return {"_target_": place}
    if not Path(place).is_file():
        raise ConfigError(f"--reward {name}: no such file")
    try:
        node = yaml.safe_load(Path(place).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(node, dict) or "_target_" not in node:
        raise ConfigError(f"{place}: a reward is a mapping with _target_")
    return node


def _build(node: Mapping[str, Any]) -> tuple[Measured, set[str]]:
    """The reward, and which of `models` it names."""
    from guerdon.config.build import Assembly
    from guerdon.errors import ConfigError
    from guerdon.trust.scoring import Compares
    from guerdon.types import RewardFn

    assembly = Assembly()
    reward = assembly.component(node, "reward", {})
    if assembly.problems:
        raise ConfigError(assembly.problems)
    if not isinstance(reward, RewardFn | Compares):
        raise ConfigError(f"reward: {type(reward).__name__} is no reward: it cannot be called")
    named = {name for _, name in assembly.models}
    for _, part in assembly.built:
        several = getattr(part, "model", ())
        named |= set(several) if isinstance(several, list | tuple) else set()
    return reward, named


@contextmanager
def _models(used: set[str], values: Mapping[str, Any]) -> Iterator[Models]:
    """The models a reward names, with one cache and one ledger."""
    if not used:
        yield {}
        return
    from guerdon.errors import ConfigError

    given = values["models"]
    missing = [
        f"reward.model: there is no model {name!r}; name a configuration that has it with "
        f"--config-name, or give models.{name}.path=DIR or models.{name}.engine"
        for name in sorted(used - set(given))
    ]
    if missing:
        raise ConfigError(missing)

    from guerdon.backends.local import load_engine
    from guerdon.config.build import parse
    from guerdon.config.schema import Llm, ModelSpec
    from guerdon.llm.cache import Cache
    from guerdon.llm.ledger import Ledger
    from guerdon.types import Model

    specs = {name: parse(given[name], ModelSpec, f"models.{name}") for name in sorted(used)}
    llm = parse(values["llm"], Llm, "llm")
    ledger = Ledger(None, llm.budget_usd)
    shared = {"cache": Cache(llm.cache_path, llm.cache), "ledger": ledger}
    try:
        yield {
            name: Model(load_engine(name, spec, **shared), spec.sampling)
            for name, spec in specs.items()
        }
    finally:
        for row in ledger.rows():
            facts = ", ".join(f"{key} {value}" for key, value in row.items())
            typer.echo(f"asked: {facts}", err=True)
        ledger.close()
