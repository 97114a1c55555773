"""Conversations as rows to imitate, for the supervised warm-up and for `ptx`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from guerdon.config.build import build
from guerdon.config.schema import Component
from guerdon.errors import ConfigError
from guerdon.templates import ChatTemplate
from guerdon.types import Message, Reward, Trajectory, Turn

Conversation = Sequence[Message]


def load(source: Component, at: str) -> list[Conversation]:
    """The conversations of a source.

    Args:
        source: a component with ``load() -> list`` of conversations.
        at: its path in the configuration, for messages.

    Raises:
        ConfigError: there is none, or one holds nothing to imitate.
    """
    talks = build(source, at).load()
    if not isinstance(talks, Sequence):
        raise ConfigError(
            f"{at}: gives no list of conversations but {type(talks).__name__}; use "
            f"guerdon.data.conversations.ConversationFile"
        )
    if not talks:
        raise ConfigError(f"{at}: gives no conversation at all")
    for number, talk in enumerate(talks, 1):
        if not any(message["role"] == "assistant" for message in talk):
            raise ConfigError(f"{at}: conversation {number} has no assistant message to learn from")
    return list(talks)


def to_trajectory(template: ChatTemplate, conversation: Conversation) -> Trajectory:
    """A conversation as the row it would be, had the policy said the assistant's part."""
    token_ids: list[int] = []
    turns: list[Turn] = []
    heard: list[Message] = []
    for message in conversation:
        if message["role"] != "assistant":
            heard.append(message)
            continue
        token_ids += template.extend(heard, closed=True) if turns else template.start(heard)
        reply = template.encode_reply(message["content"])
        span = (len(token_ids), len(token_ids) + len(reply))
        turns.append(Turn(tuple(heard), message, span))
        token_ids += reply
        heard = []
    sampled = {i for turn in turns for i in range(*turn.span)}
    return Trajectory(
        role="policy",
        group="",
        turns=tuple(turns),
        token_ids=tuple(token_ids),
        action_mask=tuple(i in sampled for i in range(len(token_ids))),
        logprobs=(0.0,) * len(token_ids),
        reward=Reward(0.0),
    )


def shuffled(num_rows: int, num_draws: int, seed: int) -> list[int]:
    """Indices of ``num_draws`` rows: all of them once, in random order, before any comes again."""
    draw = random.Random(seed)
    order: list[int] = []
    while len(order) < num_draws:
        order += draw.sample(range(num_rows), num_rows)
    return order[:num_draws]
