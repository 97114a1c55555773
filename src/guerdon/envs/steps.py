"""StepEnv: a game with ``reset`` and ``step`` becomes a conversation."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from inspect import iscoroutinefunction
from statistics import fmean
from typing import Any

from guerdon.envs.brief import Brief, join, user
from guerdon.envs.calls import Calls, numbers
from guerdon.envs.game import Game, Info, actions_of, offers
from guerdon.envs.history import Full, History
from guerdon.envs.players import Player, Scene
from guerdon.envs.replies import Form, Reading, ReplyForm
from guerdon.errors import ConfigError, EnvError, RolloutError
from guerdon.types import Episode, Message, Metrics, Models, Task, derive_seed

__all__ = ["Game", "StepEnv"]


@dataclass(frozen=True, kw_only=True)
class StepEnv:
    """Plays a game with the policy: an observation, a reply, its actions, a reward, and so on.

    Rewards are kept turn by turn; the outcome is 0 and adds nothing. An episode ends when the game
    does (``completed``), or when the game is cut off, turns or actions are used up or the context
    is full (``truncated``). A game that raises, hangs beyond ``timeout_s``, breaks its contract or
    gives a reward that is no number is an ``EnvError``: the episode's end, not the run's.

    Args:
        game: a prototype: episodes play copies of it, which are kept and reset for the next.
        max_turns: replies at most, valid or not.
        action: where actions stand in a reply; see `replies.ReplyForm`.
        separator: between several actions of a reply.
        max_actions_per_turn: those beyond are not carried out, and the reply is malformed.
        max_actions: of an episode; None: no limit but the turns.
        invalid_penalty: taken off the turn's reward when the reply names something that is no
            action, or nothing. What it names besides is carried out. The policy is told.
        format_penalty: taken off when the reply does not have the form asked for.
        invalid_message: what the policy is told, before the observation it has already seen.
        system: a system message before everything.
        brief: what is told of the rules, before the task's own prompt; None: nothing.
        show_reward: whether each observation begins with the reward before it.
        history: what the policy sees of earlier turns: all, a window, or a summary.
        timeout_s: for each call of the game. A game that is not ``async`` needs ``threads``.
        threads: for games that wait for something: calls that may run beside the event loop at
            once. 0: in the loop, fastest for games that compute.
    """

    game: Game
    max_turns: int = 16
    action: Form = "first_word"
    separator: str | None = None
    max_actions_per_turn: int = 1
    max_actions: int | None = None
    invalid_penalty: float = 0.1
    format_penalty: float = 0.1
    invalid_message: str = "Invalid action."
    system: str | None = None
    brief: Brief | None = None
    show_reward: bool = False
    history: History = Full()
    timeout_s: float | None = None
    threads: int = 0
    _idle: list[Game] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        least = {"max_turns": 1, "max_actions_per_turn": 1, "max_actions": 1, "threads": 0}
        problems = [
            f"StepEnv: {name} must be at least {at_least}, not {value}"
            for name, at_least in least.items()
            if (value := getattr(self, name)) is not None and value < at_least
        ]
        problems += [
            f"StepEnv: {name} is taken off the reward; {value} would be a gift, write {-value}"
            for name in ("invalid_penalty", "format_penalty")
            if (value := getattr(self, name)) < 0
        ]
        if self.timeout_s is not None and self.timeout_s <= 0:
            problems.append(f"StepEnv: timeout_s must be above 0, not {self.timeout_s}")
        if self.timeout_s and not self.threads and not iscoroutinefunction(self.game.step):
            problems.append(
                f"StepEnv: timeout_s cannot interrupt {type(self.game).__name__}, which is not "
                f"async; give threads=8, or as many calls as may wait at once"
            )
        if self.max_actions_per_turn > 1 and not self.separator and self.action != "tool_call":
            problems.append("StepEnv: max_actions_per_turn above 1 needs a separator, such as '||'")
        if problems:
            raise ConfigError(problems)

    @cached_property
    def form(self) -> ReplyForm:
        """How replies name actions."""
        return ReplyForm(
            where=self.action, separator=self.separator, max_actions=self.max_actions_per_turn
        )

    @cached_property
    def calls(self) -> Calls:
        """How the game is called."""
        return Calls(timeout_s=self.timeout_s, threads=self.threads)

    @property
    def actions(self) -> Sequence[str]:
        """The game's actions; empty: any text is one."""
        return actions_of(self.game)

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Play one episode with the policy.

        Raises:
            EnvError: the game raised, took too long or broke its contract.
            EngineError: the policy cannot answer.
        """
        policy = models["policy"]
        talk = self.history.start(policy, task.id, self.head(task))
        seed = derive_seed(policy.sampling.seed, task.id, "dynamics")
        ended, metrics = await self.play(task, seed, talk, has_head=True)
        return Episode(task, talk.rows("completed" if ended else "truncated"), metrics=metrics)

    async def play(
        self, task: Task, seed: int, player: Player, *, has_head: bool = False
    ) -> tuple[bool, Metrics]:
        """Play one episode with anyone.

        Args:
            task: what is played.
            seed: of what happens by chance.
            player: who plays.
            has_head: whether the player knows task and brief already; else the first scene has
                them.

        Returns:
            Whether the game came to its own end, and the episode's metrics.
        """
        game = self._idle.pop() if self._idle else copy.deepcopy(self.game)
        round_ = _Round(self, game, player)
        try:
            await round_.play(task, seed, () if has_head else self.head(task))
        except RolloutError:  # a game that raised is not used again
            if offers(game, "close"):
                with suppress(EnvError):
                    await self.calls(game.close)  # type: ignore[attr-defined]
            raise
        self._idle.append(game)
        return round_.terminated, round_.metrics()

    def head(self, task: Task) -> tuple[Message, ...]:
        """What comes before the first observation: system message, the brief, the task's prompt."""
        prompt = task.prompt
        if self.system is not None and not (prompt and prompt[0]["role"] == "system"):
            prompt = ({"role": "system", "content": self.system}, *prompt)
        if self.brief is None:
            return prompt
        text = self.brief.text(self.game, self.form, self.max_turns, self.max_actions)
        first = int(bool(prompt) and prompt[0]["role"] == "system")
        told = user(text) if text else ()
        return (*prompt[:first], *join(told, prompt[first:]))


class _Round:
    """One episode under way."""

    def __init__(self, env: StepEnv, game: Game, player: Player) -> None:
        self._env, self._game, self._player = env, game, player
        self._observations: list[str] = []
        self._info: Info = {}
        self._effective: list[float] = []
        self._reward = 0.0
        self._turns = self._actions = self._invalid = self._malformed = 0
        self.terminated = self._truncated = False

    async def play(self, task: Task, seed: int, head: tuple[Message, ...]) -> None:
        """From reset to the end."""
        observation, self._info = await self._env.calls.reset(self._game, task, seed)
        self._observations = [observation]
        messages = join(head, user(self._dressed(observation, None)))
        while self._turns < self._env.max_turns:
            self._turns += 1
            anchor = await self._anchor()
            reply = await self._player.reply(Scene(self._game, messages, anchor))
            if self._player.full and not reply:
                return
            messages = await self._turn(self._env.form.read(reply, self._game))
            if self.terminated or self._truncated or self._player.full:
                return

    def metrics(self) -> Metrics:
        """Numbers of the latest info, and what replies were like."""
        found = numbers(self._info)
        if self._effective:
            found["effective"] = fmean(self._effective)
        return found | {
            "return": self._reward,
            "turns": float(self._turns),
            "actions": float(self._actions),
            "invalid_frac": self._invalid / self._turns,
            "malformed_frac": self._malformed / self._turns,
        }

    async def _turn(self, reading: Reading) -> tuple[Message, ...]:
        """Carry out what a reply says; returns what its speaker hears next."""
        done, reward, seen = [], 0.0, []
        for action in reading.actions:
            if self._left() == 0 or self.terminated or self._truncated:
                break
            observation, gain = await self._step(action)
            done.append(action)
            seen.append(observation)
            reward += gain
        self._truncated |= self._left() == 0
        self._invalid += reading.is_invalid
        self._malformed += reading.is_malformed
        reward -= self._env.invalid_penalty * reading.is_invalid
        reward -= self._env.format_penalty * reading.is_malformed
        self._player.earned(reward, done)
        self._reward += reward
        self._observations = seen or self._observations
        return self._heard(reading, reward, bool(seen))

    async def _step(self, action: str) -> tuple[str, float]:
        step = await self._env.calls.step(self._game, action)
        observation, gain, self.terminated, self._truncated, self._info = step
        self._actions += 1
        if "effective" in self._info:
            self._effective += numbers({"effective": self._info["effective"]}).values()
        return observation, gain

    def _heard(self, reading: Reading, reward: float, has_moved: bool) -> tuple[Message, ...]:
        """The next observation; after calls of tools, one message for each."""
        env = self._env
        problem = reading.is_invalid or reading.is_malformed
        last = self._dressed(self._observations[-1], reward)
        if problem:
            said = [env.invalid_message, reading.note]
            said += [env.form.hint()] if reading.is_malformed else []
            last = " ".join([part for part in said if part] or [""]) + f" {last}"
        if env.action != "tool_call" or not has_moved:
            return user(last)
        texts = [*self._observations[:-1], last]
        return tuple({"role": "tool", "content": text} for text in texts)

    def _dressed(self, observation: str, reward: float | None) -> str:
        env, before = self._env, []
        if env.brief is not None and env.brief.each_turn:
            before.append(env.brief.left(self._turns + 1, env.max_turns, self._left()))
        if env.show_reward and reward is not None:
            before.append(f"Reward: {reward:g}")
        return "\n".join([*before, observation])

    def _left(self) -> int | None:
        return None if self._env.max_actions is None else self._env.max_actions - self._actions

    async def _anchor(self) -> str | None:
        if not offers(self._game, "anchor"):
            return None
        game: Any = self._game
        found = await self._env.calls(game.anchor)
        return None if found is None else str(found)
