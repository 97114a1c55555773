"""A mixture of tasks goes to the environment of each domain."""

import asyncio
from dataclasses import dataclass

import pytest

from guerdon.envs.router import Router
from guerdon.errors import ConfigError
from guerdon.types import Env, Episode, Models, Task


@dataclass
class Named:
    """An environment whose episodes say its name."""

    name: str

    async def rollout(self, task: Task, models: Models) -> Episode:
        return Episode(task, error=self.name)


def test_each_task_is_played_in_the_environment_of_its_domain() -> None:
    router = Router(envs={"math": Named("m"), "code": Named("c")})
    assert isinstance(router, Env)
    for domain, name in (("math", "m"), ("code", "c")):
        task = Task("t", (), domain=domain)
        assert asyncio.run(router.rollout(task, {})).error == name


def test_a_domain_without_an_environment_stops_the_run_and_names_the_known_ones() -> None:
    router = Router(envs={"math": Named("m"), "code": Named("c")})
    with pytest.raises(ConfigError, match=r"domain 'poetry', but .* only: code, math"):
        asyncio.run(router.rollout(Task("t", (), domain="poetry"), {}))


def test_a_router_without_environments_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="envs is empty"):
        Router(envs={})
