"""Small components that configurations of the tests name with `_target_`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from guerdon.errors import ConfigError
from guerdon.types import Completion, Env, Episode, Models, Reward, RewardFn, Sampling, Task

if TYPE_CHECKING:
    from somewhere import Unknowable


@dataclass(frozen=True, kw_only=True)
class Exact:
    """A reward with every kind of field."""

    scale: float = 1.0
    kind: Literal["exact", "prefix"] = "exact"
    words: Sequence[str] = ()
    path: Path | None = None

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        return Reward(self.scale * float(response == task.answer))


@dataclass(frozen=True, kw_only=True)
class Graded:
    """A reward that asks a model."""

    model: str = "judge"
    api_key: str = ""

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        return Reward(1.0)


@dataclass(frozen=True, kw_only=True)
class OneTurn:
    """An environment around a reward."""

    reward: RewardFn
    max_turns: int = 1

    async def rollout(self, task: Task, models: Models) -> Episode:
        return Episode(task)


@dataclass(frozen=True, kw_only=True)
class Routes:
    """An environment of environments."""

    envs: dict[str, Env]
    extra: list[Env] = field(default_factory=list)

    async def rollout(self, task: Task, models: Models) -> Episode:
        return await self.envs[task.domain].rollout(task, models)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Tasks from a file with a JSON object a line."""

    path: str

    def problems(self) -> list[str]:
        file = Path(self.path)
        if not file.is_file():
            return [f"no such file {self.path!r}"]
        lines = file.read_text().splitlines()
        if not lines:
            return [f"{self.path}: empty; give it at least one task"]
        found = []
        for number, line in enumerate(lines, start=1):
            try:
                json.loads(line)
            except ValueError:
                found.append(f"{self.path}:{number}: not JSON")
        return found


@dataclass(frozen=True, kw_only=True)
class Relative:
    """An algorithm with a group baseline."""

    clip: float = 0.2
    needs_group = True

    def __post_init__(self) -> None:
        if self.clip <= 0:
            raise ConfigError(f"clip must be above 0, got {self.clip}")


class Echo:
    """An engine that runs in process: it is given a model and a template."""

    def __init__(
        self, model: Unknowable, template: Unknowable, *, max_batch: int = 8, **options: Any
    ) -> None:
        self.model, self.template, self.max_batch = model, template, max_batch
        self.options: Mapping[str, Any] = options

    async def generate(self, prompt: Any, sampling: Sampling) -> Completion:
        return Completion(text="")


@dataclass(frozen=True, kw_only=True)
class Remote:
    """An engine with its own way to its model."""

    model: str
    limit_s: float = 60.0


class Talks:
    """Conversations as they are given, or what a source must not give."""

    def __init__(self, talks):
        self.talks = talks

    def load(self):
        return self.talks
