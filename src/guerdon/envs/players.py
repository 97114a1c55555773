"""Who plays a game, besides the policy: chance, the game's oracle, or a mixture of both.

They measure what a success rate is worth, check environments and write conversations to start from.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from guerdon.envs.calls import Calls
from guerdon.envs.game import actions_of, offers
from guerdon.envs.replies import ReplyForm
from guerdon.errors import ConfigError, EnvError
from guerdon.types import Episode, Message, Models, Reward, Task, Trajectory, Turn, derive_seed

if TYPE_CHECKING:
    from guerdon.envs.steps import StepEnv

THOUGHT = "..."
"""What players that do not think write where reasoning is asked for."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a player meets at one turn."""

    game: Any
    """For players that look behind the words; a policy does not."""
    messages: tuple[Message, ...]
    anchor: str | None = None


@runtime_checkable
class Player(Protocol):
    """Whoever plays: is shown a scene, replies, and is told what the reply earned."""

    @property
    def full(self) -> bool:
        """Whether it cannot go on."""
        ...

    async def reply(self, scene: Scene) -> str: ...

    def earned(self, reward: float, actions: Sequence[str]) -> None:
        """The reward of the last reply, and the actions that were carried out."""
        ...


@dataclass(kw_only=True)
class Mechanical:
    """Takes the oracle's action with the chance ``skill``, else any action, one a reply.

    Raises:
        ConfigError: ``reply``: the game has no oracle, or nothing to choose actions from.
        EnvError: ``reply``: the oracle sees no way from here.
    """

    form: ReplyForm
    draw: random.Random
    skill: float = 0.0
    calls: Calls = Calls()
    full: bool = field(default=False, init=False)
    turns: list[Turn] = field(default_factory=list, init=False)
    """What was said, for the record."""
    done: list[tuple[str, ...]] = field(default_factory=list, init=False)
    """The actions of each turn that were carried out."""

    async def reply(self, scene: Scene) -> str:
        """The chosen action in the form the environment asks for."""
        action = await self._choose(scene.game)
        text = self.form.write([action], THOUGHT)
        said: Message = {"role": "assistant", "content": text}
        self.turns.append(Turn(scene.messages, said, (0, 0), state=scene.anchor))
        return text

    def earned(self, reward: float, actions: Sequence[str]) -> None:
        self.turns[-1] = replace(self.turns[-1], reward=reward)
        self.done.append(tuple(actions))

    async def _choose(self, game: Any) -> str:
        # no number is drawn where skill leaves no choice: the moves of a seed stay what they were
        if self.skill >= 1 or (self.skill > 0 and self.draw.random() < self.skill):
            check_can_play(game, "oracle")
            action: str | None = await self.calls(game.oracle)
            if action is not None:
                return action
            if self.skill >= 1:
                raise EnvError(f"{type(game).__name__}.oracle sees no way from here")
        check_can_play(game, "random")
        if offers(game, "sample"):
            chosen: str = await self.calls(game.sample, self.draw)
            return chosen
        return self.draw.choice(actions_of(game))


def check_can_play(game: object, player: Literal["oracle", "random"]) -> None:
    """Whether a game has what a player needs.

    Raises:
        ConfigError: it has not.
    """
    name = type(game).__name__
    if player == "oracle" and not offers(game, "oracle"):
        raise ConfigError(f"{name} has no oracle(): nobody can say what its best action is")
    if player == "random" and not actions_of(game) and not offers(game, "sample"):
        raise ConfigError(f"{name} has no `actions` to choose from, and no sample(draw)")


@dataclass(frozen=True, kw_only=True)
class Played:
    """An environment in which a mechanical player takes the policy's place, for `evaluate`.

    Args:
        env: whose games are played.
        player: ``oracle`` or ``random``.
    """

    env: StepEnv
    player: Literal["oracle", "random"]

    def __post_init__(self) -> None:
        check_can_play(self.env.game, self.player)

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode; its row has no tokens.

        Raises:
            EnvError: the game failed.
        """
        seed = derive_seed(models["policy"].sampling.seed, task.id, "dynamics")
        player = Mechanical(
            form=self.env.form,
            draw=random.Random(derive_seed(seed, "player")),
            skill=float(self.player == "oracle"),
            calls=self.env.calls,
        )
        ended, metrics = await self.env.play(task, seed, player)
        row = Trajectory(
            role=self.player,
            group=task.id,
            turns=tuple(player.turns),
            token_ids=(),
            action_mask=(),
            logprobs=(),
            reward=Reward(0.0),
            status="completed" if ended else "truncated",
        )
        return Episode(task, (row,), metrics=metrics)
