"""Python: a function of the user's as a reward, with verl's signature or with ours."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guerdon.config.fields import did_you_mean
from guerdon.config.target import locate
from guerdon.errors import ConfigError, GuerdonError, RewardError
from guerdon.types import Models, Reward, Task

VERL = ("data_source", "solution_str", "ground_truth", "extra_info")
OURS = ("task", "response", "models")


@dataclass(frozen=True, kw_only=True)
class Python:
    """What a function says a response is worth.

    Its parameters say how it is called:

        def compute_score(data_source, solution_str, ground_truth, extra_info): ...    # verl's
        async def score(task, response, models): ...                                    # ours

    Any of the names may be left out. A coroutine function is awaited; a plain one runs in a thread,
    so it must not rely on being alone. It returns a number, a ``Reward``, or a mapping with
    ``score``, whose other numbers become parts. An exception, or anything else it returns, is a
    ``RewardError``, never a 0.

    Args:
        function: ``package.module.name``, or ``path/to/file.py:name``.
        options: further keyword arguments of every call.
        limit_s: seconds for one call. A thread cannot be killed: a plain function that is late
            fails the reward, and runs on.
    """

    function: str
    options: Mapping[str, Any] = field(default_factory=dict)
    limit_s: float = 60.0
    _call: list[Callable[..., Any]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.limit_s <= 0:
            raise ConfigError(f"Python: limit_s must be above 0, not {self.limit_s}")
        found = _load(self.function)
        self._call.append(found)
        known, takes_any = _parameters(found)
        given = {*VERL, *OURS, *self.options}
        problems = [
            f"Python: {self.function} needs {name!r}, which nothing gives; it is called with "
            f"{', '.join(VERL)} or {', '.join(OURS)}, and options"
            for name, required in known.items()
            if required and name not in given
        ]
        if unknown := [] if takes_any else sorted(set(self.options) - known.keys()):
            problems += [
                f"Python: options.{name}: {self.function} has no such parameter"
                f"{did_you_mean(name, known)}"
                for name in unknown
            ]
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Call the function for one response.

        Raises:
            RewardError: it raised, was late, or returned no number.
        """
        function = self._call[0]
        arguments = self._arguments(function, task, response, models)
        try:
            async with asyncio.timeout(self.limit_s):
                if inspect.iscoroutinefunction(function):
                    found = await function(**arguments)
                else:
                    found = await asyncio.to_thread(function, **arguments)
                    found = await found if inspect.isawaitable(found) else found
        except TimeoutError as error:
            raise RewardError(f"{self.function} took longer than {self.limit_s:g} s") from error
        except GuerdonError:
            raise
        except Exception as error:  # whatever a user's function raises, the reward is not known
            why = f"{type(error).__name__}: {error}"
            raise RewardError(f"{self.function} failed for task {task.id!r}: {why}") from error
        return self._reward(found, task)

    def _arguments(
        self, function: Callable[..., Any], task: Task, response: str, models: Models
    ) -> dict[str, Any]:
        known, takes_any = _parameters(function)
        ours = {"task": task, "response": response, "models": models}
        verl = {
            "data_source": task.domain,
            "solution_str": response,
            "ground_truth": task.answer,
            "extra_info": task.info.get("extra_info", dict(task.info)),
        }
        wanted = {name: value for name, value in {**ours, **verl}.items() if name in known}
        if takes_any and not wanted:
            wanted = verl
        return {**wanted, **self.options}

    def _reward(self, found: Any, task: Task) -> Reward:
        if isinstance(found, Reward):
            return found
        numbers = {"score": found}
        if isinstance(found, Mapping):
            numbers = {str(name): value for name, value in found.items() if _is_number(value)}
        value = numbers.pop("score", None)
        if not _is_number(value) or not math.isfinite(value):
            raise RewardError(
                f"{self.function} returned {found!r:.200} for task {task.id!r}; it must be a "
                f"finite number, a mapping with score, or a Reward"
            )
        parts = {name: float(number) for name, number in numbers.items()}
        return Reward(float(value), parts)


def _is_number(value: Any) -> bool:
    """Whether it is a number, numpy's and torch's scalars included; a text is none."""
    return not isinstance(value, str | bytes) and hasattr(value, "__float__")


def _parameters(function: Callable[..., Any]) -> tuple[dict[str, bool], bool]:
    """Names of the parameters with whether they are required, and whether any others may come."""
    found, takes_any = {}, False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_any = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            found[name] = parameter.default is parameter.empty
    return found, takes_any


def _load(path: str) -> Callable[..., Any]:
    """The function a dotted path or ``file.py:name`` names."""
    file, colon, name = path.rpartition(":")
    if not colon or not file.endswith(".py"):
        try:
            return locate(path)
        except ConfigError as error:
            lines = [line.replace("_target_", "Python: function") for line in error.problems]
            raise ConfigError(lines) from None
    if not Path(file).is_file():
        raise ConfigError(f"Python: function {path!r}: there is no file {file!r}")
    spec = importlib.util.spec_from_file_location(f"guerdon_user_{Path(file).stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's file, which may raise anything
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(f"Python: function {path!r}: {file} cannot be run ({why})") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise ConfigError(
            f"Python: function {path!r}: {file} has no function {name!r}"
            f"{did_you_mean(name, [n for n in vars(module) if not n.startswith('_')])}"
        )
    return found  # type: ignore[no-any-return]
