"""StepEnv: a game with ``reset`` and ``step`` becomes a conversation, one action a reply."""

from __future__ import annotations

import copy
import inspect
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

from guerdon.chat import Chat
from guerdon.errors import ConfigError, EnvError, GuerdonError
from guerdon.types import Episode, Message, Metrics, Models, Reward, Task, derive_seed

Info = Mapping[str, Any]
Step = tuple[str, float, bool, bool, Info]
"""Observation, reward, terminated, truncated, info: as in Gymnasium."""
Speak = Callable[..., Awaitable[str]]
"""``await speak(*messages)``: whoever plays hears the messages and replies."""


@runtime_checkable
class Game(Protocol):
    """A reset/step game in words. Either method may be a coroutine.

    A game with an attribute ``actions`` (a sequence of str) is given one of these; without it, the
    whole reply. Numbers in the latest ``info`` become the episode's metrics; ``success`` (0 or 1)
    is the one that evaluation looks for, so give it from the start.
    """

    def reset(self, task: Task, seed: int) -> Any:
        """Begin the task: ``(observation, info)``.

        What the world looks like at the start comes from ``task`` alone, so that a group plays the
        same game; ``seed`` is for what happens by chance on the way, and differs by member.
        """
        ...

    def step(self, action: str) -> Any:
        """Act: ``(observation, reward, terminated, truncated, info)``."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepEnv:
    """Plays a game with the policy: an observation, a reply, an action, a reward, and so on.

    Rewards are kept turn by turn; the outcome is 0 and adds nothing. An episode ends when the game
    does (``completed``), or when the game is cut off, the turns are used up or the context is full
    (``truncated``). A game that raises is an ``EnvError``.

    Args:
        game: a prototype: episodes play copies of it, which are kept and reset for the next.
        max_turns: replies at most, valid or not.
        action: where the action stands: it is the whole ``reply``, or, where it is not, the reply's
            first or last word. Case and punctuation around it do not count.
        invalid_penalty: taken off the turn's reward when the reply names no action. The game does
            not move, and the policy is told.
        invalid_message: what it is told, before the observation it has already seen.
        system: a system message before everything.
    """

    game: Game
    max_turns: int = 16
    action: Literal["reply", "first_word", "last_word"] = "first_word"
    invalid_penalty: float = 0.1
    invalid_message: str = "Invalid action."
    system: str | None = None
    _idle: list[Game] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.max_turns < 1:
            raise ConfigError(f"StepEnv: max_turns must be at least 1, not {self.max_turns}")
        if self.invalid_penalty < 0:
            raise ConfigError(
                f"StepEnv: invalid_penalty is taken off the reward; {self.invalid_penalty} would be"
                f" a gift, write {-self.invalid_penalty}"
            )

    @property
    def actions(self) -> Sequence[str]:
        """The game's actions; empty: any text is one."""
        return tuple(getattr(self.game, "actions", ()) or ())

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode with the policy.

        Raises:
            EnvError: the game raised or broke its contract.
            EngineError: the policy cannot answer.
        """
        policy = models["policy"]
        chat = Chat(policy, role="policy", group=task.id)
        seed = derive_seed(policy.sampling.seed, task.id, "dynamics")
        ended, metrics = await self.play(task, seed, chat.send, chat.reward, lambda: chat.full)
        row = chat.trajectory(Reward(0.0))
        # a reply of one token is cut by its length limit and still a whole action
        row = replace(row, status="completed" if ended else "truncated")
        return Episode(task, (row,), metrics=metrics)

    async def play(
        self,
        task: Task,
        seed: int,
        speak: Speak,
        reward: Callable[[float], None],
        full: Callable[[], bool] = lambda: False,
    ) -> tuple[bool, Metrics]:
        """Play one episode with anyone: ``speak`` hears messages and replies, ``reward`` is told
        what each reply earned, ``full`` whether the conversation has to stop.

        Returns:
            Whether the game came to its own end, and the episode's metrics.
        """
        game = self._idle.pop() if self._idle else copy.deepcopy(self.game)
        observation, info = await _call(game.reset, task, seed, parts=2)
        messages = self._opening(task, observation)
        terminated, invalid, turns = False, 0, 0
        for turns in range(1, self.max_turns + 1):  # noqa: B007  (counted after the loop)
            reply = await speak(*messages)
            if full() and not reply:
                break
            action = self.find_action(reply)
            if action is None:
                invalid += 1
                reward(-self.invalid_penalty)
                messages = _user(f"{self.invalid_message} {observation}")
            else:
                step: Step = await _call(game.step, action, parts=5)
                observation, gain, terminated, truncated, info = step
                if not math.isfinite(gain):
                    raise EnvError(f"{type(game).__name__}.step gave the reward {gain}")
                reward(float(gain))
                messages = _user(observation)
                if terminated or truncated:
                    break
            if full():
                break
        self._idle.append(game)  # one that raised is not used again
        return terminated, _numbers(info) | {"turns": float(turns), "invalid_frac": invalid / turns}

    def find_action(self, reply: str) -> str | None:
        """The action a reply names, or None; without ``actions`` the reply itself."""
        if not self.actions:
            return reply.strip() or None
        known = {action.casefold(): action for action in self.actions}
        whole = " ".join(reply.split()).strip(".,;:!?\"'*").casefold()
        if whole in known:
            return known[whole]
        words = re.findall(r"[\w-]+", reply)
        if not words or self.action == "reply":
            return None
        return known.get(words[0 if self.action == "first_word" else -1].casefold())

    def _opening(self, task: Task, observation: str) -> tuple[Message, ...]:
        """The task's prompt and the first observation; a prompt that ends with a user's message
        goes on in the same message, as chat templates want roles to alternate."""
        prompt = task.prompt
        if self.system is not None and not (prompt and prompt[0]["role"] == "system"):
            prompt = ({"role": "system", "content": self.system}, *prompt)
        if prompt and prompt[-1]["role"] == "user":
            return (*prompt[:-1], *_user(f"{prompt[-1]['content']}\n\n{observation}"))
        return (*prompt, *_user(observation))


async def _call(method: Callable[..., Any], *arguments: Any, parts: int) -> Any:
    """Call the game and wait if need be; whatever it raises, or a result of another length, is an
    ``EnvError``."""
    try:
        result = method(*arguments)
        if inspect.isawaitable(result):
            result = await result
    except GuerdonError:
        raise
    except Exception as error:  # a game is anybody's code: its crash is an episode's, not the run's
        cause = f"{type(error).__name__}: {error}"
        raise EnvError(f"{method.__qualname__} raised {cause}") from error
    if not isinstance(result, tuple) or len(result) != parts or not isinstance(result[0], str):
        raise EnvError(
            f"{method.__qualname__} must return {parts} values beginning with the observation as"
            f" text, not {result!r:.200}"
        )
    return result


def _user(content: str) -> tuple[Message, ...]:
    return ({"role": "user", "content": content},)


def _numbers(info: Info) -> Metrics:
    """What of a game's info is a finite number."""
    return {
        name: float(value)
        for name, value in info.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
