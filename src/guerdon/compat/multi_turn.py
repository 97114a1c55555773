"""Multi-turn runs by a file of RAGEN, of align-anything or of ours; and whether one could start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from guerdon.compat import align_anything, ragen
from guerdon.compat.configured import Configured
from guerdon.compat.foreign import Foreign, Imported
from guerdon.config.check import check
from guerdon.config.compose import read
from guerdon.data.readers import SUFFIXES, read_file
from guerdon.errors import ConfigError

FOLDER = Path("scripts/config")
"""Where a name without a path is looked for, before the shipped configurations."""


def configure(
    name: str | Path, overrides: Sequence[str] = (), output: Path | None = None
) -> Configured:
    """The configuration of a file, or of a name.

    Args:
        overrides: in the names of the file's own project.
        output: the run directory; None: as the file says.

    Raises:
        ConfigError: everything that is wrong, a line each.
    """
    imported = convert(name, overrides)
    values = dict(imported.values)
    if output is not None:
        values["run"] = values["run"] | {"dir": str(output.parent), "name": output.name}
    report = check(values)
    if report.config is None:
        raise ConfigError(report.problems)
    unknown = [f"{f.key}: {f.note}" for f in imported.fates if f.status == "unknown"]
    return Configured(report.config, values, (*imported.notes, *unknown, *report.warnings))


def convert(name: str | Path, overrides: Sequence[str] = ()) -> Imported:
    """Any of the three as ours.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    file = find(name)
    if file is None:
        return Imported(read(str(name), overrides)[0], ())
    given = Foreign.read([file]).values
    if "train_cfgs" in given or "model_cfgs" in given:
        return align_anything.convert([file], overrides)
    if "es_manager" in given or "agent_proxy" in given:
        return ragen.convert([file], overrides)
    return Imported(read(file, overrides)[0], ())


def find(name: str | Path) -> Path | None:
    """The file that a path or a name means; None: a name, and not of `FOLDER`."""
    if str(name).endswith((".yaml", ".yml")):
        return Path(name)
    file = FOLDER / f"{name}.yaml"
    return file if file.is_file() else None


# --- could it start? -----------------------------------------------------------------------------


def examine(
    name: str | Path, overrides: Sequence[str] = (), data: Path | None = None
) -> Iterator[str]:
    """What a run needs, one step after another, a line each; nothing is trained.

    Args:
        data: a folder with prompts in ``train/`` and ``val/``; None: none is looked at.

    Raises:
        ConfigError: what a run would stumble over.
    """
    file = find(name)
    yield f"configuration: {file or name}"
    theirs = Foreign.read([file], overrides) if file else Foreign(read(str(name), overrides)[0])
    yield f"resolution: {_count(theirs.values)} values, {len(theirs.fates)} references left open"
    if data is not None:
        for split in ("train", "val"):
            yield f"data: {_prompts(data / split)}"
    imported = convert(name, overrides)
    fates = [fate.status for fate in imported.fates]
    yield "conversion: " + (
        f"{fates.count('honoured')} keys honoured, {fates.count('ignored')} set aside, "
        f"{fates.count('unknown')} unknown" if fates else "none needed, it is ours"
    )  # fmt: skip
    configured = configure(name, overrides)
    roles = ", ".join(sorted(configured.config.models))
    yield f"construction: environments, tasks and algorithm can be built; models: {roles}"
    yield from (f"note: {line}" for line in configured.notes)


def _count(values: Mapping[str, Any]) -> int:
    return sum(_count(v) if isinstance(v, Mapping) else 1 for v in values.values())


def _prompts(folder: Path) -> str:
    """How many prompts a folder holds; without any, what is used instead, and loudly.

    Raises:
        ConfigError: a file of it cannot be read.
    """
    known = [s for s in SUFFIXES if s != ".parquet"]
    files = sorted(path for path in folder.glob("*") if path.suffix in known)
    if not files:
        return (
            f"WARNING: NO PROMPTS in {folder} ({', '.join(known)}); the environments' own tasks "
            f"are the default, and are used"
        )
    rows = {path.name: len(read_file(path).rows) for path in files}
    listed = ", ".join(f"{name} {count}" for name, count in rows.items())
    return f"{folder}: {sum(rows.values())} prompts ({listed})"
