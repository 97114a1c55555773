"""Zero: no reward at all, for those who write that they mean it."""

from __future__ import annotations

from dataclasses import dataclass

from guerdon.types import Models, Reward, Task


@dataclass(frozen=True, kw_only=True)
class Zero:
    """Every response is worth 0: only a KL, an entropy bonus or supervised rows can teach."""

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """0."""
        return Reward(0.0, note="no reward was configured")
