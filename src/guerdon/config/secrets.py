"""Secrets come from the environment and never reach a file guerdon writes.

A value that was read from an environment variable remembers the `${oc.env:NAME}` it came from, and
that text is what a written configuration holds: nothing leaks, and a resumed run reads the variable
again.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "<redacted>"

_SECRET_NAME = re.compile(
    r"(^|_)(secret|password|passwd|credentials?)(_|$)"
    r"|^(key|token|authorization)$"
    r"|(^|_)(api|access|auth|private|bearer|hf|hub|wandb|openai)_?(key|token)$",
    re.IGNORECASE,
)


class FromEnv(str):
    """A string read from the environment; ``source`` is how the configuration wrote it."""

    source: str

    def __new__(cls, value: str, source: str) -> FromEnv:
        """``value`` that stands where the configuration says ``source``."""
        text = super().__new__(cls, value)
        text.source = source
        return text


def is_secret_name(name: object) -> bool:
    """Whether a key of this name holds a secret: `api_key`, `hf_token`, `password` ..."""
    return isinstance(name, str) and bool(_SECRET_NAME.search(name))


def redact(config: Any) -> Any:
    """The same configuration, fit to be written: sources for values of the environment, and
    `<redacted>` for text under the name of a secret."""
    if isinstance(config, dict):
        return {
            key: REDACTED if _is_literal_secret(key, value) else redact(value)
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [redact(value) for value in config]
    return config.source if isinstance(config, FromEnv) else config


def literal_secrets(config: Any, at: str = "") -> list[str]:
    """One problem for each secret that is written out instead of named by its variable."""
    if isinstance(config, list):
        pairs = [(str(index), value) for index, value in enumerate(config)]
    elif isinstance(config, dict):
        pairs = [(str(key), value) for key, value in config.items()]
    else:
        return []
    problems = []
    for key, value in pairs:
        path = f"{at}.{key}" if at else key
        if _is_literal_secret(key, value):
            problems.append(
                f"{path}: a secret must come from the environment; write "
                f"{path}='${{oc.env:{key.upper()}}}' and export {key.upper()}"
            )
        problems += literal_secrets(value, path)
    return problems


def _is_literal_secret(key: object, value: object) -> bool:
    if isinstance(value, FromEnv) or not isinstance(value, str) or value in ("", "???"):
        return False
    return is_secret_name(key)
