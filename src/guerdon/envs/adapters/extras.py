"""Packages that only some adapters need."""

from __future__ import annotations

import importlib
from types import ModuleType

from guerdon.errors import ConfigError


def need(module: str, extra: str, who: str) -> ModuleType:
    """Import a package that an extra installs.

    Raises:
        ConfigError: it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{who} needs the package {module!r} ({error}); pip install 'guerdon[{extra}]'"
        ) from error
