"""Rows as flat token sequences without padding, a shared prompt laid out once.

    rows      p p p a a a        a pack:  [p p p] [a a] [b b b] [q q] [c]
              p p p b b b b               prompt   own    own  prompt own
              q q c c

A row's prompt is what comes before its first action token. Rows with the same prompt share it; the
attention over a pack (`layouts.py`) lets each row see that prompt and its own tokens, so the result
is the same as for separate rows. The last action token of a row predicts nothing that is trained,
so it is not computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from guerdon.batch import Batch

Span = tuple[int, int]
"""(start, length) in the flat sequence."""


@dataclass(frozen=True)
class Tree:
    """A prompt and the rows that continue it. A row on its own is a prompt without branches."""

    prompt: Span
    branches: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Pack:
    """A micro-batch: N tokens in one flat sequence, and where its A action tokens are."""

    rows: Int[Tensor, " R"]
    """Rows of the batch, in the order of ``action_rows``."""
    token_ids: Int[Tensor, " N"]
    position_ids: Int[Tensor, " N"]
    trees: tuple[Tree, ...]
    sources: Int[Tensor, " A"]
    """Where in the flat sequence the hidden state is that predicts each action token: the one
    shift."""
    action_rows: Int[Tensor, " A"]
    """Index into ``rows`` of each action token ..."""
    action_columns: Int[Tensor, " A"]
    """... and its index t."""

    @property
    def num_tokens(self) -> int:
        """Tokens computed."""
        return self.token_ids.numel()

    def to(self, device: torch.device | str) -> Pack:
        """The same pack on another device."""
        moved: dict[str, Any] = {
            n: v.to(device) for n, v in vars(self).items() if isinstance(v, Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class _Row:
    """A row's lengths: tokens before the first action, then up to the last one."""

    index: int
    prompt: tuple[int, ...]
    own: int


def pack(batch: Batch, micro_tokens: int, *, share_prompts: bool = True) -> Iterator[Pack]:
    """Micro-batches of at most ``micro_tokens`` tokens (a longer row is one of its own).

    Rows of one prompt stay together where they fit; where they do not, the prompt is computed
    again in the next micro-batch.

    Raises:
        ValueError: a row starts with an action token, which nothing predicts.
    """
    rows = _measure(batch)
    if share_prompts:
        families: dict[tuple[int, ...], list[_Row]] = {}
        for row in rows:
            families.setdefault(row.prompt, []).append(row)
        groups = list(families.values())
    else:
        groups = [[row] for row in rows]
    for micro_batch in _fill(groups, micro_tokens):
        yield _lay_out(batch, micro_batch)


def _measure(batch: Batch) -> list[_Row]:
    columns = torch.arange(batch.token_ids.shape[1]).expand_as(batch.token_ids)
    first = columns.masked_fill(~batch.action_mask, batch.token_ids.shape[1]).amin(1).tolist()
    last = columns.masked_fill(~batch.action_mask, -1).amax(1).tolist()
    if any(start == 0 for start in first):
        raise ValueError(f"row {first.index(0)} starts with an action token: a prompt is missing")
    return [
        _Row(index, tuple(batch.token_ids[index, :start].tolist()), end - start)
        for index, (start, end) in enumerate(zip(first, last, strict=True))
    ]


def _fill(groups: list[list[_Row]], micro_tokens: int) -> Iterator[list[list[_Row]]]:
    current: list[list[_Row]] = []
    room = micro_tokens
    for group in groups:
        prompt = len(group[0].prompt)
        whole = prompt + sum(row.own for row in group)
        if current and whole > room:
            yield current
            current, room = [], micro_tokens
        part: list[_Row] = []
        room -= prompt
        for row in group:
            if part and row.own > room:
                yield [*current, part]
                current, part, room = [], [], micro_tokens - prompt
            part.append(row)
            room -= row.own
        current.append(part)
    if current:
        yield current


def _lay_out(batch: Batch, groups: list[list[_Row]]) -> Pack:
    """Prompts first, then branches, so that those of equal lengths are one block of memory."""
    alone = [len(group) == 1 for group in groups]
    heads = [
        len(group[0].prompt) + (group[0].own if single else 0)
        for group, single in zip(groups, alone, strict=True)
    ]
    flat, positions, trees = [], [], []
    sources, action_rows, action_columns = [], [], []
    for group, length in zip(groups, heads, strict=True):
        flat.append(batch.token_ids[group[0].index, :length])
        positions.append(torch.arange(length))
    start, branch = 0, sum(heads)
    count = 0
    for group, single, length in zip(groups, alone, heads, strict=True):
        branches = []
        for row in group:
            prompt = len(row.prompt)
            end = prompt + row.own
            own_start = start + prompt if single else branch
            if not single and row.own:
                flat.append(batch.token_ids[row.index, prompt:end])
                positions.append(torch.arange(prompt, end))
                branches.append((branch, row.own))
                branch += row.own
            places = torch.cat(
                [torch.arange(start, start + prompt), torch.arange(own_start, own_start + row.own)]
            )
            columns = batch.action_mask[row.index].nonzero().squeeze(1)
            sources.append(places[columns - 1])
            action_rows.append(torch.full_like(columns, count))
            action_columns.append(columns)
            count += 1
        trees.append(Tree((start, length), tuple(branches)))
        start += length
    return Pack(
        rows=torch.tensor([row.index for group in groups for row in group]),
        token_ids=torch.cat(flat),
        position_ids=torch.cat(positions),
        trees=tuple(trees),
        sources=torch.cat(sources),
        action_rows=torch.cat(action_rows),
        action_columns=torch.cat(action_columns),
    )
