"""What the policy sees of the turns before: all of them, the last few, or a summary in words.

``Full`` makes one row of an episode; it only grows. ``Window`` and ``Summary`` make one row of each
turn, since each turn has a prompt of its own. A row holds its turn's reward; what came later in the
episode is the row's outcome, so that the row is worth the return from its turn on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

from guerdon.chat import Chat
from guerdon.envs.brief import join, user
from guerdon.envs.players import Scene
from guerdon.errors import ConfigError
from guerdon.types import Message, Model, Reward, Trajectory

Status = Literal["completed", "truncated"]
Head = tuple[Message, ...]
"""System message, brief and task: what comes before the first observation."""


@runtime_checkable
class Talk(Protocol):
    """The policy as a player, on record."""

    @property
    def full(self) -> bool: ...

    async def reply(self, scene: Scene) -> str: ...

    def earned(self, reward: float, actions: Sequence[str]) -> None: ...

    def rows(self, status: Status) -> tuple[Trajectory, ...]:
        """The episode, to learn from."""
        ...


@runtime_checkable
class History(Protocol):
    """How much of the conversation the policy sees."""

    def start(self, policy: Model, group: str, head: Head, prefix: str = "") -> Talk:
        """A conversation that has not begun."""
        ...


@dataclass(frozen=True)
class Full:
    """Everything since the beginning; the episode is one row."""

    def start(self, policy: Model, group: str, head: Head, prefix: str = "") -> Talk:
        """A conversation that grows."""
        return _Growing(Chat(policy, role="policy", group=group, prefix=prefix), head)


@dataclass(frozen=True, kw_only=True)
class Window:
    """The brief and the last turns, as a conversation; a row a turn.

    Args:
        turns: observations shown, the present one counted.
        gamma: discount of later turns in a row's outcome.
    """

    turns: int
    gamma: float = 1.0

    def __post_init__(self) -> None:
        _check(self.turns, self.gamma, "Window")

    def start(self, policy: Model, group: str, head: Head, prefix: str = "") -> Talk:
        """A conversation that forgets."""
        return _Forgetting(policy, group, head, prefix, self)

    def prompt(self, head: Head, turns: Sequence[Past], scene: Scene) -> tuple[Message, ...]:
        """What the policy is shown."""
        shown: list[Message] = []
        for past in turns[max(0, len(turns) - self.turns + 1) :]:
            shown += [*past.observation, {"role": "assistant", "content": past.said}]
        return join(head, [*shown, *scene.messages])


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The brief, then the last turns told in a few lines (what was done, and earned), and the
    present observation; a row a turn.

    Args:
        turns: earlier turns told.
        gamma: discount of later turns in a row's outcome.
        rewards: whether what each turn earned is told.
    """

    turns: int
    gamma: float = 1.0
    rewards: bool = False

    def __post_init__(self) -> None:
        _check(self.turns, self.gamma, "Summary")

    def start(self, policy: Model, group: str, head: Head, prefix: str = "") -> Talk:
        """A conversation that takes notes."""
        return _Forgetting(policy, group, head, prefix, self)

    def prompt(self, head: Head, turns: Sequence[Past], scene: Scene) -> tuple[Message, ...]:
        """What the policy is shown."""
        lines = []
        for number, past in list(enumerate(turns, 1))[-self.turns :]:
            seen = "\n".join(message["content"] for message in past.observation)
            earned = f" (reward {past.reward:g})" if self.rewards else ""
            did = ", ".join(past.actions) or "nothing valid"
            lines.append(f"Turn {number}:\n{seen}\nYou did: {did}{earned}")
        notes = user("\n".join(["So far:", *lines])) if lines else ()
        return join(join(head, notes), scene.messages)


@dataclass(slots=True)
class Past:
    """A turn that is over, or under way."""

    observation: tuple[Message, ...]
    said: str
    row: Trajectory | None = None
    """As the policy played it."""
    reward: float = 0.0
    actions: tuple[str, ...] = ()


class _Growing:
    """One chat."""

    def __init__(self, chat: Chat, head: Head) -> None:
        self._chat, self._head = chat, head

    @property
    def full(self) -> bool:
        return self._chat.full

    async def reply(self, scene: Scene) -> str:
        messages = scene.messages if self._chat.turns else join(self._head, scene.messages)
        return await self._chat.send(*messages, state=scene.anchor)

    def earned(self, reward: float, actions: Sequence[str]) -> None:
        self._chat.reward(reward)

    def rows(self, status: Status) -> tuple[Trajectory, ...]:
        row = self._chat.trajectory()
        # a reply of one token is cut by its length limit and still a whole action
        return (replace(row, status=status),)


class _Forgetting:
    """A chat for each turn."""

    def __init__(
        self, policy: Model, group: str, head: Head, prefix: str, history: Window | Summary
    ) -> None:
        self._policy, self._group, self._head = policy, group, head
        self._prefix, self._history = prefix, history
        self._past: list[Past] = []
        self.full = False

    async def reply(self, scene: Scene) -> str:
        number = len(self._past)
        policy = self._policy.at("turn", number)
        chat = Chat(policy, role="policy", group=self._group, prefix=self._prefix)
        prompt = self._history.prompt(self._head, self._past, scene)
        said = await chat.send(*prompt, state=scene.anchor)
        self.full = chat.full
        self._past.append(Past(scene.messages, said, chat.trajectory()))
        return said

    def earned(self, reward: float, actions: Sequence[str]) -> None:
        self._past[-1].reward, self._past[-1].actions = reward, tuple(actions)

    def rows(self, status: Status) -> tuple[Trajectory, ...]:
        found, later = [], 0.0
        for past in reversed(self._past):
            assert past.row is not None
            turns = tuple(replace(turn, reward=past.reward) for turn in past.row.turns)
            outcome = Reward(self._history.gamma * later, {"later": later})
            weight = 1.0 / len(self._past)  # the episode counts once
            row = replace(past.row, turns=turns, reward=outcome, status=status, weight=weight)
            found.append(row)
            later = past.reward + self._history.gamma * later
        return tuple(reversed(found))


def _check(turns: int, gamma: float, name: str) -> None:
    problems = [] if turns >= 1 else [f"{name}: turns must be at least 1, not {turns}"]
    problems += [] if 0 <= gamma <= 1 else [f"{name}: gamma must lie in 0..1, not {gamma}"]
    if problems:
        raise ConfigError(problems)
