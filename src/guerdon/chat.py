"""Chat: converse with a model and record the conversation as one row of tokens.

The only mutable recorder. It keeps what was sampled as it was sampled, and never scores: rewards
come from the environment that holds the chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from guerdon.errors import ConfigError, EnvError
from guerdon.types import Completion, Message, Model, Reward, Sampling, Trajectory, Turn

if TYPE_CHECKING:
    from guerdon.templates import ChatTemplate

_NOTHING = Reward(0.0)


class Chat:
    """One conversation with a model, recorded as a trajectory.

        chat = Chat(models["policy"], group=task.id)
        reply = await chat.send(*task.prompt)
        while (answer := world.react(reply)) is not None and not chat.full:
            chat.reward(-0.1)
            reply = await chat.send({"role": "user", "content": answer})
        return Episode(task, (chat.trajectory(Reward(world.score)),))

    An engine that speaks only text (``template`` is None) can be talked to and its turns are
    recorded, but its trajectory has no tokens: it can be evaluated, not trained.

    Args:
        model: whom to talk to; the seed of turn t is ``model.sampling.at(t)``.
        role: which part the model plays ("policy", "proposer", "solver").
        group: trajectories of equal group share one baseline; usually the task's id.
    """

    def __init__(self, model: Model, *, role: str = "policy", group: str) -> None:
        self.model = model
        self.role = role
        self.group = group
        self.turns: list[Turn] = []
        self.token_ids: list[int] = []
        self.action_mask: list[bool] = []
        self.logprobs: list[float] = []
        self.full = False
        """No room is left in the context: another reply would be cut or empty."""
        self._history: list[Message] = []

    async def send(self, *messages: Message, state: str | None = None) -> str:
        """Say something and get the reply's text; ``turns[-1]`` has the rest.

        ``state`` is the world's, for algorithms that compare turns; see `Turn.state`.

        When no room is left, ``full`` is set and the reply is empty: the turn is recorded, its
        messages do not enter the row, and the engine is not asked again.

        Raises:
            EngineError: the model cannot answer.
            EnvError: the very first messages leave no room for a reply.
            ConfigError: the chat template refuses the messages, or cannot go on after a reply.
        """
        template = self.model.engine.template
        if self.full:
            completion = Completion("", finish_reason="length")
        elif template is None:
            completion = await self._generate((*self._history, *messages))
        else:
            added = self._delta(template, messages)
            completion = await self._generate((*self.token_ids, *added))
            self._append(added, completion)
        self._add_turn(messages, completion, state)
        return completion.text

    def reward(self, value: float) -> None:
        """Add to the reward of the last turn.

        Raises:
            EnvError: there is no turn yet.
        """
        if not self.turns:
            raise EnvError(f"chat.reward({value}) before the first reply: send something first")
        self.turns[-1] = replace(self.turns[-1], reward=self.turns[-1].reward + value)

    def trajectory(self, reward: Reward = _NOTHING, *, truncated: bool = False) -> Trajectory:
        """The conversation so far, with its outcome.

        Args:
            reward: the outcome; rewards of turns come on top.
            truncated: the conversation was cut short, even if the last reply was not.
        """
        cut = bool(self.turns) and self.turns[-1].finish_reason == "length"
        return Trajectory(
            role=self.role,
            group=self.group,
            turns=tuple(self.turns),
            token_ids=tuple(self.token_ids),
            action_mask=tuple(self.action_mask),
            logprobs=tuple(self.logprobs),
            reward=reward,
            status="truncated" if cut or truncated else "completed",
            temperature=self.model.sampling.temperature,
        )

    async def _generate(self, prompt: tuple[int, ...] | tuple[Message, ...]) -> Completion:
        return await self.model.engine.generate(prompt, self.model.sampling.at(len(self.turns)))

    def _delta(self, template: ChatTemplate, messages: Sequence[Message]) -> tuple[int, ...]:
        """The tokens between the row so far and the next reply."""
        if not self.turns:
            return template.start(messages)
        start, end = self.turns[-1].span
        closed = end > start and self.token_ids[end - 1] in template.stop_ids
        return template.extend(messages, closed=closed)

    def _append(self, added: Sequence[int], completion: Completion) -> None:
        sampled = completion.token_ids
        assert len(sampled) == len(completion.logprobs), "one log-prob for each sampled token"
        cut = completion.finish_reason == "length"
        self.full = cut and len(sampled) < self.model.sampling.max_tokens
        if self.full and not sampled:  # a prompt beyond the context must not enter the row
            if not self.turns:
                raise EnvError(
                    f"the first prompt has {len(added)} tokens and leaves no room for a reply; "
                    f"shorten it, or use a model with a longer context"
                )
            return
        self.token_ids += (*added, *sampled)
        self.action_mask += [False] * len(added) + [True] * len(sampled)
        self.logprobs += (*[0.0] * len(added), *completion.logprobs)

    def _add_turn(
        self, messages: tuple[Message, ...], completion: Completion, state: str | None
    ) -> None:
        """Record a turn whose tokens, if it has any, end the row."""
        action: Message = {"role": "assistant", "content": completion.text}
        self._history += [*messages, action]
        end = len(self.token_ids)
        num_sampled = len(completion.token_ids) if end else 0  # a text engine has no row
        self.turns.append(
            Turn(
                observation=messages,
                action=action,
                span=(end - num_sampled, end),
                finish_reason=completion.finish_reason,
                version=completion.version,
                state=state,
            )
        )


async def ask(model: Model, messages: Sequence[Message]) -> Completion:
    """One reply of a model that is not trained: a judge, a verifier, an executor.

    Raises:
        EngineError: the model cannot answer.
    """
    template = model.engine.template
    prompt = tuple(messages) if template is None else template.start(messages)
    return await model.engine.generate(prompt, model.sampling)


@runtime_checkable
class CompletesText(Protocol):
    """The capability of an engine to continue a raw text, without any chat template."""

    async def complete(self, prompt: str, sampling: Sampling) -> Completion:
        """Sample what follows ``prompt``."""
        ...


async def complete(model: Model, prompt: str) -> Completion:
    """What a model writes after a raw text: for verifiers that were trained on no chat template.

    Raises:
        ConfigError: its engine cannot.
        EngineError: the model cannot answer.
    """
    engine = model.engine
    if not isinstance(engine, CompletesText):
        raise ConfigError(
            f"{type(engine).__name__} cannot continue a raw text; use a NativeEngine or a "
            f"RemoteEngine, or ask by messages"
        )
    return await engine.complete(prompt, model.sampling)
