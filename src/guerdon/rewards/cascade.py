"""Cascade: cheap rewards decide what they can, and only the rest reaches the dear ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.combine import parts_of
from guerdon.types import Models, Reward, RewardFn, Task


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """The reward of the first stage that decides.

    A stage decides with any value, unless it is listed: of one in ``accepts`` only a yes is final,
    of one in ``rejects`` only a no; what else they say is passed over. A stage that raises
    ``RewardError`` cannot tell, and the next one is asked; of the last stage, everything is final.
    Other failures (a server that is away) fail the whole.

    ``Reward.parts`` has ``share/<stage>``, 1 for the stage that decided and 0 for all others, so
    that their means are shares; ``flip/<stage>``, where a stage in ``accepts`` had said no before: 1
    if that was overruled, 0 if confirmed; and the parts of the stage that decided.

    Args:
        stages: reward functions by name, the first one first.
        accepts: stages that can say yes and no more (equal text is equal; different text may be).
        rejects: stages that can say no and no more (without an answer nothing is right).
        yes_at: the value from which a reward is a yes.
    """

    stages: Mapping[str, RewardFn]
    accepts: Sequence[str] = ()
    rejects: Sequence[str] = ()
    yes_at: float = 0.5

    def __post_init__(self) -> None:
        problems = [] if self.stages else ["Cascade: stages is empty; name at least one reward"]
        last = next(reversed(self.stages), None)
        for field in ("accepts", "rejects"):
            named = getattr(self, field)
            if unknown := sorted(set(named) - self.stages.keys()):
                problems.append(
                    f"Cascade: {field} names no stage: {unknown}; there are {list(self.stages)}"
                )
            if last in named:
                problems.append(f"Cascade: the last stage, {last!r}, decides all: not in {field}")
        if both := sorted(set(self.accepts) & set(self.rejects)):
            problems.append(f"Cascade: {both} are in accepts and in rejects; drop one")
        if problems:
            raise ConfigError(problems)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Ask one stage after the other.

        Raises:
            RewardError: no stage can tell.
        """
        last = next(reversed(self.stages))
        doubted = False  # whether a stage that can only say yes did not
        for name, stage in self.stages.items():
            try:
                reward = await stage(task, response, models)
            except RewardError as error:
                if name == last:
                    raise RewardError(f"no stage can tell; {name}: {error}") from error
                continue
            yes = reward.value >= self.yes_at
            if not (name in self.rejects if yes else name in self.accepts):
                return self._decided(name, reward, yes if doubted else None)
            doubted = doubted or name in self.accepts
        raise AssertionError("the last stage decides or raises")

    def _decided(self, name: str, reward: Reward, is_flip: bool | None) -> Reward:
        parts = {f"share/{stage}": float(stage == name) for stage in self.stages}
        if is_flip is not None:
            parts[f"flip/{name}"] = float(is_flip)
        inner = parts_of({name: reward})
        note = f"{name}: {reward.note}" if reward.note else name
        return replace(reward, parts=parts | inner, note=note)
