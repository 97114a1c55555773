"""Episodes as JSON lines, and back.

A line holds each token once. The action mask is the union of the turns' spans and the log-probs are
those of the action tokens only, so both are rebuilt on reading; all else is stored as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from guerdon.types import Episode, Message, Reward, Task, Trajectory, Turn

FORMAT = 1
"""Version of the run directory's layout and of the lines in it."""


def dump_line(record: Mapping[str, Any]) -> str:
    """One JSON line; numbers that are not finite become null."""
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        return json.dumps(_finite(record), ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def task_to_json(task: Task) -> dict[str, Any]:
    """A task as plain JSON."""
    return {
        "id": task.id,
        "prompt": list(task.prompt),
        "answer": task.answer,
        "domain": task.domain,
        "info": dict(task.info),
    }


def task_from_json(record: Mapping[str, Any]) -> Task:
    """The task that `task_to_json` wrote."""
    return Task(**{**record, "prompt": tuple(record["prompt"])})


def episode_to_json(episode: Episode) -> dict[str, Any]:
    """An episode as plain JSON."""
    return {
        "task": task_to_json(episode.task),
        "trajectories": [_trajectory_to_json(t) for t in episode.trajectories],
        "new_tasks": [task_to_json(task) for task in episode.new_tasks],
        "metrics": episode.metrics,
        "error": episode.error,
    }


def episode_from_json(record: Mapping[str, Any]) -> Episode:
    """The episode that `episode_to_json` wrote."""
    return Episode(
        task=task_from_json(record["task"]),
        trajectories=tuple(_trajectory_from_json(t) for t in record["trajectories"]),
        new_tasks=tuple(task_from_json(task) for task in record["new_tasks"]),
        metrics=record["metrics"],
        error=record["error"],
    )


def _trajectory_to_json(trajectory: Trajectory) -> dict[str, Any]:
    masked = zip(trajectory.logprobs, trajectory.action_mask, strict=True)
    return {
        "role": trajectory.role,
        "group": trajectory.group,
        "reward": {
            "value": trajectory.reward.value,
            "parts": dict(trajectory.reward.parts),
            "note": trajectory.reward.note,
        },
        "status": trajectory.status,
        "temperature": trajectory.temperature,
        "turns": [
            {
                "observation": list(turn.observation),
                "action": turn.action,
                "span": turn.span,
                "reward": turn.reward,
                "finish_reason": turn.finish_reason,
                "version": turn.version,
            }
            | ({} if turn.state is None else {"state": turn.state})
            for turn in trajectory.turns
        ],
        "token_ids": trajectory.token_ids,
        "logprobs": [logprob for logprob, sampled in masked if sampled],
    } | ({} if trajectory.weight == 1.0 else {"weight": trajectory.weight})


def _trajectory_from_json(record: Mapping[str, Any]) -> Trajectory:
    turns = tuple(_turn_from_json(turn) for turn in record["turns"])
    length = len(record["token_ids"])
    mask, logprobs = [False] * length, [0.0] * length
    positions = [i for turn in turns for i in range(*turn.span)]
    for i, logprob in zip(positions, record["logprobs"], strict=True):
        mask[i], logprobs[i] = True, logprob
    return Trajectory(
        role=record["role"],
        group=record["group"],
        turns=turns,
        token_ids=tuple(record["token_ids"]),
        action_mask=tuple(mask),
        logprobs=tuple(logprobs),
        reward=Reward(**record["reward"]),
        status=record["status"],
        temperature=record["temperature"],
        weight=record.get("weight", 1.0),
    )


def _turn_from_json(record: Mapping[str, Any]) -> Turn:
    observation: tuple[Message, ...] = tuple(record["observation"])
    return Turn(**{**record, "observation": observation, "span": tuple(record["span"])})
