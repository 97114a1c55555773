"""A configuration's name and overrides become one plain dict: Hydra's composition, errors in one
line.

It says whether the YAML can be put together; what the values mean is `check`'s business.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from guerdon.config.fields import MISSING
from guerdon.config.secrets import FromEnv, redact
from guerdon.errors import ConfigError

SHIPPED = Path(__file__).parent.parent / "conf"
"""The YAML tree that comes with guerdon; it is the registry of configurations."""

_PLAIN_KEY = re.compile(r"^[A-Za-z_][^=@~+]*=")
_REFERENCE = re.compile(r"\$\{\s*([A-Za-z_][\w.\[\]]*)\s*\}")
_ENV_NAME = re.compile(r"\$\{\s*oc\.env:\s*([A-Za-z_]\w*)")


def compose(
    name: str | Path, overrides: Sequence[str] = (), config_dir: str | Path | None = None
) -> dict[str, Any]:
    """One dict from a YAML file, its defaults list and command-line overrides.

    Args:
        name: a configuration of ``config_dir``, a shipped one, or the path of a ``.yaml`` file.
        overrides: ``a.b=c`` sets (the key need not be in the YAML), ``~a`` removes,
            ``group=option`` picks another file of a defaults group.
        config_dir: a folder of one's own; its files come before the shipped ones.

    Returns:
        Resolved values; ``???`` stands where one must still be given. ``run.name`` defaults to the
        configuration's name.

    Raises:
        ConfigError: no such configuration, broken or duplicate YAML, an override that cannot be
            read, an interpolation that cannot be resolved.
    """
    config, unresolved, _ = read(name, overrides, config_dir)
    if any(unresolved.values()):
        raise ConfigError(list(dict.fromkeys(line for line in unresolved.values() if line)))
    return config


def read(
    name: str | Path, overrides: Sequence[str] = (), config_dir: str | Path | None = None
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Like ``compose``, but interpolations without a value are ``???`` and come back by path.

    Returns:
        The values; by path what is wrong with an interpolation, "" where only the value it refers
        to is missing; and the path that each value which is only ``${...}`` was copied from.
    """
    file = _find(str(name), config_dir)
    folders = list(dict.fromkeys([_root(file, config_dir), SHIPPED.resolve()]))
    path = "[" + ",".join(_quoted(f"file://{folder}") for folder in folders[1:]) + "]"
    lines = [_allowing_new_keys(line, folders) for line in overrides]
    try:
        with initialize_config_dir(str(folders[0]), job_name="guerdon", version_base="1.3"):
            config = hydra_compose(
                file.relative_to(folders[0]).with_suffix("").as_posix(),
                overrides=[f"hydra.searchpath={path}", *lines],
            )
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_yaml_problems(error)) from error
    except OverrideParseException as error:
        raise ConfigError(
            f"{error.override.removeprefix('++')!r} cannot be read as an override: write a.b=VALUE "
            f"to set and ~a.b to remove; a text with brackets or quotes goes in quotes"
        ) from error
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise ConfigError(_no_choice(error, file) or f"{file.name}: {_one_line(error)}") from error
    values, unresolved, copies = _resolve(config)
    run = values.setdefault("run", {})
    if isinstance(run, dict):
        run.setdefault("name", file.stem)
    return values, unresolved, copies


def to_yaml(config: dict[str, Any]) -> str:
    """The configuration as YAML, redacted; ``compose`` reads it back to the same dict."""
    safe = redact(_escaped(config))
    text: str = yaml.dump(safe, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
    return text


def run_file(folder: str | Path) -> Path:
    """The ``config.yaml`` of a run directory.

    Raises:
        ConfigError: ``folder`` is none.
    """
    file = Path(folder) / "config.yaml"
    if not file.is_file():
        raise ConfigError(
            f"{str(folder)!r} is not a run directory (no config.yaml); name one such as runs/NAME"
        )
    return file


def shipped() -> list[str]:
    """Names of the configurations that come with guerdon."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


# --- finding files -------------------------------------------------------------------------------


def _find(name: str, config_dir: str | Path | None) -> Path:
    if name.endswith((".yaml", ".yml")):
        file = Path(name) if config_dir is None else Path(config_dir, name)
        if file.suffix == ".yml":
            raise ConfigError(f"--config-name {name}: rename it to {file.stem}.yaml")
        if not file.is_file():
            raise ConfigError(f"--config-name {name}: no such file {str(file)!r}")
        return file.resolve()
    if config_dir is not None and not Path(config_dir).is_dir():
        raise ConfigError(f"--config-dir {config_dir}: no such directory")
    folders = [Path(config_dir)] if config_dir is not None else []
    for folder in [*folders, SHIPPED]:
        if (folder / f"{name}.yaml").is_file():
            return (folder / f"{name}.yaml").resolve()
    known = shipped() + [file.stem for folder in folders for file in folder.glob("*.yaml")]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(set(known)))}"
    raise ConfigError(f"--config-name {name}: no such configuration; {hint}")


def _root(file: Path, config_dir: str | Path | None) -> Path:
    """The folder defaults lists are relative to."""
    for folder in ([Path(config_dir).resolve()] if config_dir else []) + [SHIPPED.resolve()]:
        if file.is_relative_to(folder):
            return folder
    return file.parent


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _allowing_new_keys(override: str, folders: Sequence[Path]) -> str:
    """``a.b=c`` as Hydra's ``++a.b=c``: a key of the schema need not be in the YAML, and an unknown
    one is found by `check`, which can say what was meant."""
    key = override.split("=", 1)[0]
    is_group = bool(key) and any((folder / key).is_dir() for folder in folders)
    return override if is_group or not _PLAIN_KEY.match(override) else f"++{override}"


# --- broken YAML ---------------------------------------------------------------------------------


def _yaml_problems(error: yaml.MarkedYAMLError) -> list[str]:
    mark = error.problem_mark
    if mark is None:
        return [_one_line(error)]
    if error.problem and "duplicate key" in error.problem:
        return duplicate_keys(Path(mark.name))
    return [f"{mark.name}:{mark.line + 1}:{mark.column + 1}: not valid YAML ({error.problem})"]


def duplicate_keys(file: Path) -> list[str]:
    """One problem for each key a mapping of the file has twice."""
    return list(_duplicates(yaml.compose(file.read_text(), Loader=yaml.SafeLoader), file, ""))


def _duplicates(node: yaml.Node | None, file: Path, at: str) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicates(item, file, f"{at}{index}.")
    elif isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in first:
                yield (
                    f"{file}:{line}: duplicate key '{at}{key.value}', first on line "
                    f"{first[key.value]}; remove one of them"
                )
            first.setdefault(key.value, line)
            yield from _duplicates(value, file, f"{at}{key.value}.")


# --- writing YAML --------------------------------------------------------------------------------


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # 1e-6 is text to the YAML 1.1 writer and a number to Hydra's reader; unprintable characters are
    # safe as escapes only
    needs_quotes = _is_number(text) or not text.replace("\n", "").isprintable()
    style = '"' if needs_quotes else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_Dumper: Any = type("_Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
_Dumper.add_representer(str, _write_text)


# --- interpolation -------------------------------------------------------------------------------


def _resolve(config: Any) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    raw: Any = OmegaConf.to_container(config, resolve=False)
    texts = dict(_leaves(raw))
    names = {name for text in texts.values() for name in _ENV_NAME.findall(text)}
    secrets = [value for name in names if (value := os.environ.get(name))]
    unresolved: dict[str, str] = {}

    def plain(node: Any, value: Any, at: str) -> Any:
        if isinstance(value, dict):
            return {key: child(node, key, value[key], at) for key in value}
        if isinstance(value, list):
            return [child(node, index, item, at) for index, item in enumerate(value)]
        return value

    def child(node: Any, key: Any, value: Any, at: str) -> Any:
        path = f"{at}.{key}" if at else str(key)
        if not isinstance(value, str):
            return plain(None if value is None else node[key], value, path)
        if "${" not in value:
            return value
        try:
            found = node[key]
            if isinstance(found, DictConfig | ListConfig):
                found = OmegaConf.to_container(found, resolve=True)
        except InterpolationToMissingValueError:
            unresolved[path] = ""
            return MISSING
        except OmegaConfBaseException as error:
            unresolved[path] = _unresolved(path, value, texts, error)
            return MISSING
        is_secret = isinstance(found, str) and any(secret in found for secret in secrets)
        return FromEnv(found, value) if is_secret else found

    whole = {path: _REFERENCE.fullmatch(text.strip()) for path, text in texts.items()}
    copies = {path: _dotted(found[1]) for path, found in whole.items() if found}
    return plain(config, raw, ""), unresolved, copies


def _dotted(reference: str) -> str:
    """``a[0].b`` as ``a.0.b``."""
    return reference.replace("[", ".").replace("]", "")


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield at, value
    pairs = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else pairs:
        yield from _leaves(item, f"{at}.{key}" if at else str(key))


def _unresolved(at: str, text: str, texts: dict[str, str], error: Exception) -> str:
    if cycle := _cycle(at, texts):
        return f"interpolation cycle {' -> '.join(cycle)}; give one of them a value"
    for name in _ENV_NAME.findall(text):
        if name not in os.environ:
            return f"{at}: environment variable {name} is not set; export {name}=..."
    return f"{at}: cannot resolve {text!r} ({_one_line(error)})"


def _cycle(start: str, texts: dict[str, str]) -> list[str]:
    """The cycle that references from a key run into, from its first key in the alphabet on."""
    paths = [[start]]
    for path in paths:
        for target in _REFERENCE.findall(texts.get(path[-1], "")):
            if target in path:
                cycle = path[path.index(target) :]
                least = cycle.index(min(cycle))
                return [*cycle[least:], *cycle[:least], cycle[least]]
            paths.append([*path, target])
    return []


def _escaped(config: Any) -> Any:
    """Text that only looks like an interpolation stays text."""
    if isinstance(config, dict):
        return {key: _escaped(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_escaped(value) for value in config]
    if isinstance(config, str) and not isinstance(config, FromEnv):
        return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + "\\${", config)
    return config


def _no_choice(error: Exception, file: Path) -> str | None:
    """``group=option`` where the configuration chooses nothing from that group."""
    found = re.match(r"Could not override '([^']+)'\.\s+No match in the defaults list", str(error))
    if found is None:
        return None
    return (
        f"{found[1]}: {file.stem} does not choose it by name, so there is nothing to replace; set "
        f"its fields ({found[1]}.FIELD=VALUE), or take a configuration that does"
    )


def _one_line(error: Exception) -> str:
    text = str(error).split("Config search path")[0].split("\n    full_key")[0]
    return " ".join(text.split()) or type(error).__name__
