"""guerdon: reinforcement-learning post-training of language models.

The nouns are here at once; names that need torch or pydantic load on first use, so that
`import guerdon` and `guerdon --help` stay fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from guerdon.errors import ConfigError, GuerdonError, RewardError, RolloutError
from guerdon.types import (
    Algorithm,
    Completion,
    Engine,
    Env,
    Episode,
    Message,
    Metrics,
    Model,
    Models,
    Reward,
    RewardFn,
    Sampling,
    Task,
    Trajectory,
    Turn,
)

if TYPE_CHECKING:
    from guerdon.batch import Batch
    from guerdon.chat import Chat, ask
    from guerdon.config.build import build
    from guerdon.config.check import load
    from guerdon.tasks import TaskPool, TaskSets
    from guerdon.templates import ChatTemplate

__version__ = "0.1.0"

__all__ = [
    "Algorithm",
    "Batch",
    "Chat",
    "ChatTemplate",
    "Completion",
    "ConfigError",
    "Engine",
    "Env",
    "Episode",
    "GuerdonError",
    "Message",
    "Metrics",
    "Model",
    "Models",
    "Reward",
    "RewardError",
    "RewardFn",
    "RolloutError",
    "Sampling",
    "Task",
    "TaskPool",
    "TaskSets",
    "Trajectory",
    "Turn",
    "ask",
    "build",
    "load",
]

_HOME = {
    "Batch": "batch",
    "Chat": "chat",
    "ChatTemplate": "templates",
    "TaskPool": "tasks",
    "TaskSets": "tasks",
    "ask": "chat",
    "build": "config.build",
    "load": "config.check",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
