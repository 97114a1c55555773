"""Rows of a Hugging Face data set, by hub name or local folder, through ``datasets``."""

from __future__ import annotations

from pathlib import Path

from guerdon.data.readers import Row, Table
from guerdon.errors import ConfigError

_ANSWER_S = 10
"""How long the hub may take to say whether it has a data set."""


class HubUnreachable(ConfigError):
    """The hub cannot be reached: no other data set can be had from it either."""


def read_dataset(name: str, *, subset: str | None, split: str) -> Table:
    """Load one split of ``name``: a hub name such as "openai/gsm8k", or a folder of data files.

    Raises:
        HubUnreachable: the hub does not answer.
        ConfigError: no such data set, subset or split, or it is closed to this user.
    """
    import datasets  # slow to import, and needed by few runs
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils import httpx

    is_gated = not Path(name).exists() and _is_gated(name)
    try:
        dataset = datasets.load_dataset(name, subset, split=split)
    except httpx.TransportError as error:
        raise _unreachable(name, error) from error
    except (
        OSError,
        ValueError,
        RuntimeError,
        datasets.exceptions.DatasetsError,
        HfHubHTTPError,
        HFValidationError,
    ) as error:
        refused = isinstance(error, datasets.exceptions.DatasetNotFoundError | HfHubHTTPError)
        why = "accept its terms on the hub's page, and export HF_TOKEN"
        if not (is_gated and refused):
            why = _explain(name, error)
        what = f"{name!r} (subset {subset or 'none'}, split {split!r})"
        raise ConfigError(f"{what}: {why}") from error
    if not len(dataset):
        raise ConfigError(f"{name}: the split {split!r} has no rows")
    label = f"{Path(name).name if Path(name).exists() else name}[{split}]"
    rows = (Row(f"{label} row {number}", row) for number, row in enumerate(dataset, 1))
    return Table(label, tuple(rows), ())


def _is_gated(name: str) -> bool:
    """Ask the hub once whether it has a data set: loading would try again for half a minute.

    Raises:
        HubUnreachable: it does not answer.
        ConfigError: it has none of this name.
    """
    from datasets import config
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
    from huggingface_hub.utils import httpx

    if config.HF_HUB_OFFLINE:
        return False
    try:
        return bool(HfApi().dataset_info(name, timeout=_ANSWER_S).gated)
    except HFValidationError as error:
        raise ConfigError(
            f"{name!r}: no such file or folder, and no name of the hub, owner/name"
        ) from error
    except RepositoryNotFoundError as error:
        raise ConfigError(
            f"{name!r}: no such file or folder, and the hub has no such data set, or HF_TOKEN does"
            " not open it; check the name, owner/name"
        ) from error
    except HfHubHTTPError:
        return False  # busy, for one: loading is patient, and says what it was
    except (httpx.HTTPError, OSError) as error:
        raise _unreachable(name, error) from error


def _unreachable(name: str, error: Exception) -> HubUnreachable:
    from huggingface_hub.constants import ENDPOINT

    return HubUnreachable(
        f"{name!r}: no such file or folder, and the hub at {ENDPOINT} cannot be reached:"
        f" {_first_lines(error)}. Check HF_ENDPOINT and the network and run it again, set"
        " HF_HUB_OFFLINE=1 to use what the hub's cache holds, or name local files"
    )


def _explain(name: str, error: Exception) -> str:
    """Why a data set was not loaded, and what to do."""
    from datasets import config

    causes = [error] if error.__cause__ is None else [error, error.__cause__]
    reason = ": ".join(map(_first_lines, causes))
    if Path(name).is_dir():
        return f"the folder cannot be loaded as a data set: {reason}"
    if "scripts are no longer supported" in reason:
        return (
            f"it is a program, which is not run ({reason}). Take the hub's own copy of its rows:"
            f" `guerdon download {name} --dataset --revision refs/convert/parquet`, and name the"
            " folder of the subset"
        )
    if config.HF_HUB_OFFLINE:
        return (
            f"no such file, and it cannot be loaded from the hub: {reason}. Check the name, and"
            " unset HF_HUB_OFFLINE unless the hub's cache has the data set"
        )
    return f"it cannot be loaded from the hub: {reason}"


def _first_lines(error: BaseException) -> str:
    """What an error says, without the examples that some of them add."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()][:2]
    return (" ".join(lines) or type(error).__name__).rstrip(".")
