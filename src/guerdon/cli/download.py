"""`guerdon download`: a model or a data set of the Hugging Face hub, into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_NEVER_READ = ("*.bin", "*.ckpt", "*.gguf", "*.h5", "*.msgpack", "*.onnx*", "*.pt", "*.pth")
"""Weights that guerdon does not load: pickles, and formats of other programs."""
_ANSWER_S = 10
"""How long the hub may take to say whether it has a name."""


def download(
    name: Annotated[
        str, typer.Argument(metavar="MODEL|DATASET", help="Its name on the hub: owner/name.")
    ],
    dataset: Annotated[
        bool, typer.Option("--dataset", help="It is a data set; default: a model.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Default: models/NAME, or data/NAME.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option("--revision", help="A branch, tag or commit; default: main.")
    ] = None,
) -> None:
    """Fetch a whole model or data set; what is there is kept, what was cut off goes on.

    A token for private ones is read from HF_TOKEN.
    """
    from guerdon.errors import ConfigError

    owner, _, last = name.partition("/")
    if not owner or not last or "/" in last or Path(name).exists():
        raise ConfigError(f"download {name!r}: give a name of the hub, owner/name")
    folder = out or Path("data" if dataset else "models") / last
    fetch(name, folder, is_dataset=dataset, revision=revision)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    typer.echo(f"{folder}: {size / 1e9:.2f} GB")
    if not dataset:
        _look_at(folder)


def fetch(name: str, folder: Path, *, is_dataset: bool, revision: str | None) -> None:
    """Bring a repository of the hub into a folder; files that are there and whole are kept.

    Raises:
        ConfigError: there is no such repository, it is closed to this user, or the hub cannot be
            reached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import httpx

    from guerdon.errors import ConfigError

    kind = "data set" if is_dataset else "model"
    repo_type = "dataset" if is_dataset else "model"
    options: dict[str, Any] = {} if is_dataset else {"ignore_patterns": list(_NEVER_READ)}
    try:
        # without an answer the next call waits for ever, or takes half a folder for the whole
        HfApi().repo_info(name, repo_type=repo_type, revision=revision, timeout=_ANSWER_S)
        found = snapshot_download(
            name,
            repo_type=repo_type,
            revision=revision,
            local_dir=folder,
            **options,
        )
    except GatedRepoError as error:
        raise ConfigError(
            f"{name}: accept its terms on the hub's page, and export HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise ConfigError(f"{name}: no revision {revision!r}") from error
    except RepositoryNotFoundError as error:
        other = "" if is_dataset else "; for a data set add --dataset"
        raise ConfigError(
            f"{name}: the hub has no such {kind}, or HF_TOKEN does not open it{other}"
        ) from error
    except HFValidationError as error:
        raise ConfigError(f"download {name!r}: give a name of the hub, owner/name") from error
    except LocalEntryNotFoundError as error:
        raise ConfigError(_unreachable(name, folder)) from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{_unreachable(name, folder)} ({why})") from error
    kept = Path(found) / ".cache"  # the hub's own notes
    if not any(path.is_file() for path in Path(found).rglob("*") if kept not in path.parents):
        raise ConfigError(f"{name}: nothing to download")


def _unreachable(name: str, folder: Path) -> str:
    from huggingface_hub.constants import ENDPOINT

    return (
        f"{name}: the hub at {ENDPOINT} cannot be reached (HF_ENDPOINT, HF_HUB_OFFLINE and the "
        "network say whether). Run the command again to go on where it stopped, or copy the files "
        f"to {folder} from a machine that can"
    )


def _look_at(folder: Path) -> None:
    from guerdon.hf import check_model

    for line in check_model(folder, needs_template=False):
        typer.echo(f"warning: {line}", err=True)
