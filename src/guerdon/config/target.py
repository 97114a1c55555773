"""`_target_: dotted.path` to the class or function it names, and the keywords that one takes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, get_type_hints

from guerdon.config.fields import Field, did_you_mean
from guerdon.errors import ConfigError


def locate(path: object) -> Callable[..., Any]:
    """The class or function a dotted path names.

    Raises:
        ConfigError: there is none; the message says where the path ends and what was meant, or
            which package must be installed.
    """
    if not isinstance(path, str) or not all(part.isidentifier() for part in path.split(".")):
        raise ConfigError(f"_target_ must be a dotted path such as my_package.MyEnv, got {path!r}")
    first, *rest = path.split(".")
    found: Any = _module(first, path)
    if found is None:
        raise ConfigError(
            f"_target_ {path!r}: there is no package {first!r}; install it, or start from the "
            f"folder it is in"
        )
    for depth, part in enumerate(rest, start=2):
        parent = found
        found = getattr(parent, part, None)
        if found is None and isinstance(parent, ModuleType):
            found = _module(".".join(path.split(".")[:depth]), path)
        if found is None:
            hint = did_you_mean(part, _public_names(parent))
            owner = getattr(parent, "__name__", str(parent))
            raise ConfigError(f"_target_ {path!r}: {owner} has no {part!r}{hint}")
    if not callable(found):
        raise ConfigError(f"_target_ {path!r} is not a class or function")
    return found


def parameters(target: Callable[..., Any]) -> tuple[dict[str, Field], bool]:
    """The keywords a class or function takes, and whether it takes any other (``**options``)."""
    annotations = _annotations(target)
    fields, takes_any = {}, False
    for name, parameter in inspect.signature(target).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_any = True
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            fields[name] = Field(
                annotations.get(name, Any), required=parameter.default is parameter.empty
            )
    return fields, takes_any


def default(target: Callable[..., Any], name: str) -> Any:
    """The default of one keyword; None where it has none."""
    parameter = inspect.signature(target).parameters.get(name)
    return None if parameter is None or parameter.default is parameter.empty else parameter.default


def _module(name: str, path: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise ConfigError(
            f"_target_ {path!r} needs the package {error.name!r}, which is not installed; "
            f"pip install {error.name}"
        ) from error
    except ImportError as error:
        raise ConfigError(f"_target_ {path!r}: {name} cannot be imported ({error})") from error


def _public_names(owner: Any) -> set[str]:
    names = {name for name in vars(owner) if not name.startswith("_")}
    for module in pkgutil.iter_modules(getattr(owner, "__path__", [])):
        names.add(module.name)
    return names


def _annotations(target: Callable[..., Any]) -> dict[str, Any]:
    """Resolved annotations; a name that exists for type checkers only counts as ``Any``."""
    if not inspect.isclass(target):
        return _resolved(target)
    found = {}
    for owner in reversed(target.__mro__):
        if owner is object:
            continue
        found.update(_resolved(owner))
        if "__init__" in vars(owner):
            found.update(_resolved(vars(owner)["__init__"]))
    return found


def _resolved(owner: Any) -> dict[str, Any]:
    names = getattr(inspect.unwrap(owner), "__globals__", None)  # of the code, not its wrapper
    if names is None:
        names = vars(sys.modules.get(owner.__module__, SimpleNamespace()))
    found: dict[str, Any] = {}
    for name, annotation in inspect.get_annotations(owner).items():
        one = SimpleNamespace(__annotations__={name: annotation})
        try:
            found |= get_type_hints(one, globalns=names, include_extras=True)
        except NameError:
            found[name] = Any
    return found
