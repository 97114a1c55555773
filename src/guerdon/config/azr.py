"""The sections ``azr`` and ``reward_fn``: names that configurations of Absolute Zero and its
general mode have used, for those of ours that refer to them as ``${azr.reward.n_samples}``.

Components read their own fields; these are other names for the same values, and a value that no
component took is a problem, never ignored. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class GenerationReward:
    """``azr.reward.generation_reward_config``."""

    format_reward: bool = False


@dataclass(frozen=True, kw_only=True)
class AzrReward:
    """``azr.reward``."""

    n_samples: int | None = None
    generation_reward_config: GenerationReward = GenerationReward()


@dataclass(frozen=True, kw_only=True)
class Azr:
    """The section ``azr``: what kind of self-play this is, and how proposals are rewarded."""

    task_type: Literal["code", "general"] = "code"
    problem_types: list[str] = field(default_factory=list)
    reward: AzrReward = AzrReward()


@dataclass(frozen=True, kw_only=True)
class JudgeCall:
    """The section ``reward_fn``: which model judges, and how it is sampled."""

    llm_model_name: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stream: bool | None = None


def untaken(azr: Azr | None, judge: JudgeCall | None, env: Any, tasks: Any) -> list[str]:
    """One line for each value that the environment, its judge and the tasks do not have."""
    lines = []
    if azr is not None:
        config = azr.reward.generation_reward_config
        at = "azr.reward.generation_reward_config.format_reward"
        lines += _differ("azr.task_type", azr.task_type, env, "env.task_type", "code")
        lines += _differ("azr.problem_types", azr.problem_types, tasks, "tasks.problem_types", [])
        lines += _differ("azr.reward.n_samples", azr.reward.n_samples, env, "env.num_samples")
        lines += _differ(at, config.format_reward, env, "env.format_reward", False)
    for name, value in vars(judge).items() if judge is not None else ():
        owner = getattr(env, "judge", None)
        lines += _differ(f"reward_fn.{name}", value, owner, f"env.judge.{name}")
    return lines


def _differ(at: str, value: Any, owner: Any, ours: str, default: Any = None) -> list[str]:
    """A line if ``value`` was given and ``owner`` has not taken it."""
    name = ours.rpartition(".")[2]
    if not hasattr(owner, name):
        unread = f"{at}: is {value!r}, and nothing reads it, as there is no {ours}; remove it"
        return [] if value == default else [unread]
    taken = getattr(owner, name)
    same = list(taken) == list(value) if isinstance(value, list) else taken == value
    if same or value is None or value == []:
        return []
    return [f"{at}: is {value!r}, but {ours} is {taken!r}; set {ours} to ${{{at}}} in the YAML"]
