"""Another project's configuration, read key by key, so that nothing is dropped in silence.

Each key is taken (it keeps its meaning), set aside with the reason, or left over; what is left over
is unknown. `Imported` is what comes of it: our configuration and the fate of every key.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from guerdon.config.compose import duplicate_keys
from guerdon.config.fields import did_you_mean
from guerdon.errors import ConfigError

Status = Literal["honoured", "ignored", "unknown"]


@dataclass(frozen=True)
class Fate:
    """What became of one key."""

    key: str
    status: Status
    note: str
    """Where it went, or why it did not."""


@dataclass(frozen=True)
class Imported:
    """A configuration of ours, and what became of every key of theirs."""

    values: dict[str, Any]
    fates: tuple[Fate, ...]
    notes: tuple[str, ...] = ()
    """What the user should know or still do."""


@dataclass
class Foreign:
    """A nested mapping of another project, with a record of what was read.

    Args:
        values: the mapping; ``null`` counts as absent.
    """

    values: Mapping[str, Any]
    fates: dict[str, Fate] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, paths: Sequence[Path], overrides: Sequence[str] = ()) -> Foreign:
        """YAML files, the later over the earlier, with overrides ``a.b=c``, ``+a.b=c`` and
        ``~a.b``; interpolations resolved, with the resolvers ``mul``, ``int_div`` and ``not``.

        A value that refers to a file of Hydra's ``defaults`` which was not given is absent, and
        that is its fate.

        Raises:
            ConfigError: a file is missing or broken, a key is written twice, an interpolation leads
                nowhere or in a circle.
        """
        merged, lacking = _merged(paths, overrides)
        absent: dict[str, Fate] = {}
        while True:
            try:
                return cls(_plain(merged), absent)
            except InterpolationKeyError as error:
                key = str(error.full_key)
                if not lacking or key in absent:
                    raise _broken(paths, error) from error
                why = f"its value is in a file that was not given ({', '.join(lacking)})"
                absent[key] = Fate(key, "ignored", why)
                OmegaConf.update(merged, key, None)
            except RecursionError as error:
                raise ConfigError(f"{paths[-1]}: interpolations lead in a circle") from error
            except (OmegaConfBaseException, ValueError) as error:
                raise _broken(paths, error) from error

    def take(self, key: str, to: str, default: Any = None) -> Any:
        """The value at a dotted key, which becomes ``to`` of ours."""
        found = self.peek(key)
        if self.has(key) and not (found is None and key in self.fates):
            self.fates[key] = Fate(key, "honoured", to)
        return default if found is None else found

    def first(self, keys: Sequence[str], to: str, default: Any = None) -> Any:
        """The value at the first of several spellings given; two that differ are an error."""
        given = {key: self.take(key, to) for key in keys if self.peek(key) is not None}
        if len({repr(value) for value in given.values()}) > 1:
            listed = ", ".join(f"{key}={value!r}" for key, value in given.items())
            self.problems.append(f"{listed}: these mean the same and differ; keep one")
        return next(iter(given.values()), default)

    def ignore(self, pattern: str, why: str) -> None:
        """Set aside all keys that match a pattern (``*`` is anything) and were not read."""
        for key, _ in leaves(self.values):
            if key not in self.fates and fnmatch.fnmatchcase(key, pattern):
                self.fates[key] = Fate(key, "ignored", why)

    def peek(self, key: str) -> Any:
        """The value at a dotted key, without reading it; None where there is none."""
        found: Any = self.values
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return None
            found = found[part]
        return found

    def has(self, key: str) -> bool:
        """Whether the key is written, be it as null."""
        *path, last = key.split(".")
        parent = self.peek(".".join(path)) if path else self.values
        return isinstance(parent, Mapping) and last in parent

    def finish(self, values: dict[str, Any], known: Sequence[str] = ()) -> Imported:
        """The result, once everything was read.

        Args:
            known: keys of theirs, for "did you mean".

        Raises:
            ConfigError: every problem found on the way.
        """
        if self.problems:
            raise ConfigError(self.problems)
        fates = []
        for key, value in leaves(self.values):
            covered = next((f for k, f in self.fates.items() if _covers(k, key)), None)
            if covered is None and value is None:
                covered = Fate(key, "ignored", "null")
            note = f"no such key is known{did_you_mean(key, known) if known else ''}"
            fates.append(Fate(key, covered.status, covered.note) if covered else
                         Fate(key, "unknown", note))  # fmt: skip
        return Imported(values, tuple(fates), tuple(self.notes))


def _covers(read: str, key: str) -> bool:
    return key == read or key.startswith(f"{read}.")


def leaves(values: Mapping[Any, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of everything that is no mapping, in order; an empty mapping counts."""
    for name, value in values.items():
        key = f"{at}.{name}" if at else str(name)
        if isinstance(value, Mapping) and value:
            yield from leaves(value, key)
        else:
            yield key, value


def _merged(paths: Sequence[Path], overrides: Sequence[str]) -> tuple[Any, list[str]]:
    """The files as one, and what their ``defaults`` name that is not among them."""
    problems = [f"{path}: no such file" for path in paths if not path.is_file()]
    problems += [line for path in paths if path.is_file() for line in duplicate_keys(path)]
    if problems:
        raise ConfigError(problems)
    _register_resolvers()
    try:
        files: list[Any] = [OmegaConf.load(path) for path in paths]
        lists = [path for path, file in zip(paths, files, strict=True) if OmegaConf.is_list(file)]
        if lists:
            raise ConfigError([f"{path}: not a mapping" for path in lists])
        merged = OmegaConf.merge(*files)
        for override in OverridesParser.create().parse_overrides(list(overrides)):
            value = None if override.is_delete() else override.value()
            OmegaConf.update(merged, str(override.key_or_group), value, force_add=True)
    except (OmegaConfBaseException, HydraException, ValueError, OSError) as error:
        raise _broken(paths, error) from error
    given = {"_self_", *(path.stem for path in paths)}
    named = [str(name) for file in files for name in file.get("defaults") or ()]
    return merged, [name for name in named if name not in given]


def _plain(merged: Any) -> dict[str, Any]:
    """The values, interpolations resolved."""
    values = OmegaConf.to_container(merged, resolve=True)
    assert isinstance(values, dict)
    return {str(k): v for k, v in values.items() if k not in ("defaults", "hydra")}


def _broken(paths: Sequence[Path], error: Exception) -> ConfigError:
    where = getattr(error, "full_key", None)
    text = " ".join(str(error).split())[:300]
    return ConfigError(f"{paths[-1]}: {f'{where}: ' if where else ''}{text}")


def _register_resolvers() -> None:
    for name, function in (
        ("mul", lambda a, b: a * b),
        ("int_div", lambda a, b: a // b),
        ("not", lambda a: not a),
    ):
        OmegaConf.register_new_resolver(name, function, replace=True)
