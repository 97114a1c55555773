"""Rows of a Hugging Face data set, by hub name or local folder, through ``datasets``."""

from __future__ import annotations

from pathlib import Path

from guerdon.data.readers import Row, Table
from guerdon.errors import ConfigError


def read_dataset(name: str, *, subset: str | None, split: str) -> Table:
    """Load one split of ``name``: a hub name such as "openai/gsm8k", or a folder of data files.

    Raises:
        ConfigError: no such data set, subset or split, or the hub cannot be reached.
    """
    import datasets  # slow to import, and needed by few runs
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        dataset = datasets.load_dataset(name, subset, split=split)
    except (
        OSError,
        ValueError,
        datasets.exceptions.DatasetsError,
        HfHubHTTPError,
        HFValidationError,
    ) as error:
        raise ConfigError(_explain(name, subset, split, error)) from error
    if not len(dataset):
        raise ConfigError(f"{name}: the split {split!r} has no rows")
    label = f"{Path(name).name if Path(name).exists() else name}[{split}]"
    rows = (Row(f"{label} row {number}", row) for number, row in enumerate(dataset, 1))
    return Table(label, tuple(rows), ())


def _explain(name: str, subset: str | None, split: str, error: Exception) -> str:
    causes = [error] if error.__cause__ is None else [error, error.__cause__]
    reason = ": ".join((str(cause).splitlines() or [type(cause).__name__])[0] for cause in causes)
    what = f"{name!r} (subset {subset or 'none'}, split {split!r})"
    if Path(name).is_dir():
        return f"{what}: the folder cannot be loaded as a data set: {reason}"
    return (
        f"{what}: no such file, and it cannot be loaded from the hub: {reason.rstrip('.')}. Check"
        " the name, and that the hub can be reached or its cache has the data set."
    )
