"""Router: a mixture of tasks, each domain in its own environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guerdon.errors import ConfigError
from guerdon.types import Env, Episode, Models, Task


@dataclass(frozen=True, kw_only=True)
class Router:
    """Plays each task in the environment of its domain.

    Args:
        envs: environments by ``task.domain``.
    """

    envs: Mapping[str, Env]

    def __post_init__(self) -> None:
        if not self.envs:
            raise ConfigError("Router: envs is empty; name an environment for each domain")

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode.

        Raises:
            ConfigError: no environment has the task's domain; every such task would fail, so the
                run stops.
        """
        return await self.env_of(task).rollout(task, models)

    def env_of(self, task: Task) -> Env:
        """The environment that plays a task.

        Raises:
            ConfigError: there is none.
        """
        if task.domain not in self.envs:
            known = ", ".join(sorted(self.envs))
            raise ConfigError(
                f"task {task.id!r} is of domain {task.domain!r}, but Router.envs has only: {known}"
            )
        return self.envs[task.domain]
