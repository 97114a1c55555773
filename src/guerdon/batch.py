"""Batch: trajectories as aligned [B, T] tensors. Index t of every field speaks of token t.

Legend of shapes, used in every file: B rows, T tokens, V vocabulary, G group, D hidden, N ranks.

The one shift of autoregressive models (the logits at t - 1 score token t) lives in
`learner/logprobs.py`. Padding is on the right and costs nothing: the learner packs rows by their
lengths and never computes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from guerdon.types import Trajectory, Turn


@dataclass(frozen=True)
class Batch:
    """Rows of one optimizer step, or some of them.

    ``num_actions`` and ``num_rows`` count the whole optimizer step, over all micro-batches and
    ranks, whatever part of it this batch holds: losses divide by them, so how rows are split
    changes nothing.
    """

    token_ids: Int[Tensor, "B T"]
    action_mask: Bool[Tensor, "B T"]
    """True where the policy sampled the token."""
    logprobs: Float[Tensor, "B T"]
    """log mu(a_t|s_t) as the engine sampled, 0 off the mask."""
    rewards: Float[Tensor, "B T"]
    """Each turn's reward at its last action token; the outcome at the last action token of the
    row."""
    turn_ends: Bool[Tensor, "B T"]
    """True at the last action token of each turn."""
    lengths: Int[Tensor, " B"]
    """Tokens of each row, padding not counted."""
    group: Int[Tensor, " B"]
    """Equal numbers share one baseline."""
    truncated: Bool[Tensor, " B"]
    temperature: Float[Tensor, " B"]
    num_actions: int
    num_rows: int
    parts: Float[Tensor, "B P"] | None = None
    """The components of each row's outcome, unweighted; NaN where a row lacks one. None: no row has
    any."""
    part_names: tuple[str, ...] = ()
    states: Int[Tensor, "B T"] | None = None
    """At the last action token of each turn, the number of the state it began in: equal numbers are
    equal states. Elsewhere -1."""
    row_weight: Float[Tensor, " B"] | None = None
    """Of each row in the loss, 1 on average; None: all count the same."""
    role: Int[Tensor, " B"] | None = None
    """Equal numbers played the same part; None: all rows did."""

    # filled by learner.annotate
    old_logprobs: Float[Tensor, "B T"] | None = None
    """log pi_old; None when every row is used for one update only: then pi_old is pi at that
    update."""
    ref_logprobs: Float[Tensor, "B T"] | None = None
    values: Float[Tensor, "B T"] | None = None
    """V(s_t), the value before token t is sampled, 0 off the mask."""
    # filled by algorithm.estimate
    advantages: Float[Tensor, "B T"] | None = None
    returns: Float[Tensor, "B T"] | None = None

    @classmethod
    def from_trajectories(cls, trajectories: Sequence[Trajectory], pad_id: int = 0) -> Batch:
        """Align trajectories; rows keep their order, groups and roles are numbered by first
        appearance.

        Raises:
            ValueError: no trajectory, or one without a sampled token (there is nothing to train
            on).
        """
        if not trajectories:
            raise ValueError("a batch needs at least one trajectory")
        numbers: dict[str, int] = {}
        parts: dict[str, int] = {}
        rows, width = len(trajectories), max(len(t.token_ids) for t in trajectories)
        token_ids = torch.full((rows, width), pad_id, dtype=torch.long)
        action_mask = torch.zeros(rows, width, dtype=torch.bool)
        logprobs = torch.zeros(rows, width)
        rewards = torch.zeros(rows, width)
        turn_ends = torch.zeros(rows, width, dtype=torch.bool)
        states = torch.full((rows, width), -1, dtype=torch.long)
        state_numbers: dict[str, int] = {}
        for row, trajectory in enumerate(trajectories):
            length = len(trajectory.token_ids)
            token_ids[row, :length] = torch.tensor(trajectory.token_ids)
            action_mask[row, :length] = torch.tensor(trajectory.action_mask)
            logprobs[row, :length] = torch.tensor(trajectory.logprobs)
            spans = [turn for turn in trajectory.turns if turn.span[1] > turn.span[0]]
            if not spans:
                raise ValueError(
                    f"row {row} (group {trajectory.group!r}) has no sampled token, so nothing to "
                    f"train on; an engine that speaks only text can be evaluated, not trained"
                )
            for turn in spans:
                rewards[row, turn.span[1] - 1] += turn.reward
                turn_ends[row, turn.span[1] - 1] = True
                number = state_numbers.setdefault(_state(turn), len(state_numbers))
                states[row, turn.span[1] - 1] = number
            # a turn without a token (no room was left) still pays: at the last token before it
            paid = sum(turn.reward for turn in spans)
            rewards[row, spans[-1].span[1] - 1] += trajectory.total_reward - paid
        return cls(
            token_ids=token_ids,
            action_mask=action_mask,
            logprobs=logprobs,
            rewards=rewards,
            turn_ends=turn_ends,
            lengths=torch.tensor([len(t.token_ids) for t in trajectories]),
            group=torch.tensor([numbers.setdefault(t.group, len(numbers)) for t in trajectories]),
            truncated=torch.tensor([t.status == "truncated" for t in trajectories]),
            temperature=torch.tensor([t.temperature for t in trajectories]),
            num_actions=int(action_mask.sum()),
            num_rows=rows,
            states=states,
            **_parts(trajectories),
            row_weight=_row_weight(trajectories),
            role=torch.tensor([parts.setdefault(t.role, len(parts)) for t in trajectories]),
        )

    @property
    def size(self) -> int:
        """Rows in this batch (not in the whole step; see ``num_rows``)."""
        return self.token_ids.shape[0]

    @property
    def has_signal(self) -> Bool[Tensor, " B"]:
        """Rows with an advantage that is not zero."""
        assert self.advantages is not None, "estimate comes first"
        return (self.advantages != 0).any(dim=1)

    def with_(self, **changes: Any) -> Batch:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def select(self, rows: Int[Tensor, " R"] | Bool[Tensor, " B"] | Sequence[int]) -> Batch:
        """Some rows, as a part of the same optimizer step: counts stay."""
        index = rows if isinstance(rows, Tensor) else torch.tensor(rows, dtype=torch.long)
        if index.dtype == torch.bool:
            index = index.nonzero().squeeze(1)
        return replace(self, **{name: value[index] for name, value in self._tensors()})

    def split(self, order: Int[Tensor, " B"], parts: int) -> Iterator[Batch]:
        """Minibatches for ``parts`` optimizer steps, rows in ``order``: each counts only its own
        rows."""
        for rows in order.tensor_split(parts):
            part = self.select(rows)
            yield replace(part, num_actions=int(part.action_mask.sum()), num_rows=part.size)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return replace(self, **{name: value.to(device) for name, value in self._tensors()})

    def _tensors(self) -> list[tuple[str, Any]]:
        named = [(f.name, getattr(self, f.name)) for f in fields(self)]
        return [(name, value) for name, value in named if isinstance(value, Tensor)]


def _parts(trajectories: Sequence[Trajectory]) -> dict[str, Any]:
    names = tuple(sorted({name for one in trajectories for name in one.reward.parts}))
    if not names:
        return {}
    rows = [[one.reward.parts.get(name, math.nan) for name in names] for one in trajectories]
    return {"parts": torch.tensor(rows), "part_names": names}


def _state(turn: Turn) -> str:
    """What a turn began in, as far as is known: the environment's word, else what was last said."""
    if turn.state is not None:
        return f"state {turn.state}"
    return f"observed {turn.observation[-1]['content']}" if turn.observation else "nothing"


def _row_weight(trajectories: Sequence[Trajectory]) -> Float[Tensor, " B"] | None:
    """Weights with mean 1, so that counts of rows stay what losses are divided by."""
    weight = torch.tensor([t.weight for t in trajectories])
    return None if bool((weight == 1.0).all()) else weight / weight.mean()
