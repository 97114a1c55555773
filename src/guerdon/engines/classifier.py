"""ClassifierEngine: a sequence-classification model as a reward model, in this process.

It gives whole conversations a number. Calls that come together are computed together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from guerdon.errors import ConfigError, EngineError
from guerdon.types import Completion, Message, Sampling

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from guerdon.templates import ChatTemplate

_QUIET_TICKS = 5
"""Turns of the event loop without a new call after which everybody who could has called."""


@dataclass
class _Call:
    tokens: tuple[int, ...]
    future: asyncio.Future[float]


class ClassifierEngine:
    """Scores conversations by a model with a classification head.

    Args:
        model: loaded by `hf.load_classifier`.
        template: that of the reward model's own tokenizer.
        label: which of the model's outputs is the score, by number or name; None: the only one.
        link: what becomes of the outputs: nothing, a sigmoid, or a softmax over all labels.
        max_batch_tokens: tokens of one forward pass, padding included.
        context: tokens of a conversation; None: what the model's config says.

    Raises:
        ConfigError: there are several outputs and ``label`` names none of them.
    """

    is_classifier = True
    """Which kind of model the run loads for it."""

    def __init__(
        self,
        model: PreTrainedModel,
        template: ChatTemplate,
        *,
        label: int | str | None = None,
        link: Literal["none", "sigmoid", "softmax"] = "none",
        max_batch_tokens: int = 16_384,
        context: int | None = None,
    ) -> None:
        config = model.config.get_text_config()
        self.model, self.template, self.link = model, template, link
        self.max_batch_tokens = max_batch_tokens
        self.context: int = context or getattr(config, "max_position_embeddings", None) or 1 << 62
        self._label = _label(model, label)
        self._pad: int | None = model.config.pad_token_id
        self._calls: list[_Call] = []
        self._task: asyncio.Task[None] | None = None

    async def score(self, messages: Sequence[Message]) -> float:
        """What the model says of a conversation, its last reply included.

        Raises:
            EngineError: it is longer than the context, or the model failed.
        """
        tokens = self.template.whole(messages)
        if len(tokens) > self.context:
            raise EngineError(
                f"a conversation of {len(tokens)} tokens is beyond the reward model's context of "
                f"{self.context}"
            )
        loop = asyncio.get_running_loop()
        call = _Call(tokens, loop.create_future())
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._calls = []
            self._task = loop.create_task(self._run())
        self._calls.append(call)
        return await call.future

    async def generate(
        self, prompt: tuple[int, ...] | tuple[Message, ...], sampling: Sampling
    ) -> Completion:
        """Not what it can do.

        Raises:
            EngineError: always.
        """
        raise EngineError("a reward model gives scores and cannot reply; use another engine")

    async def _run(self) -> None:
        """Score until nobody waits."""
        while self._calls:
            seen, quiet = 0, 0
            while quiet < _QUIET_TICKS:
                await asyncio.sleep(0)
                quiet = quiet + 1 if seen == len(self._calls) else 0
                seen = len(self._calls)
            waiting, self._calls = [c for c in self._calls if not c.future.done()], []
            for batch in self._batches(waiting):
                self._answer(batch)

    def _batches(self, calls: Sequence[_Call]) -> Iterator[list[_Call]]:
        """Calls of like length together, as many as fit."""
        batch: list[_Call] = []
        for call in sorted(calls, key=lambda call: len(call.tokens)):  # the last is the longest
            is_full = (len(batch) + 1) * len(call.tokens) > self.max_batch_tokens
            if batch and (is_full or self._pad is None):
                yield batch
                batch = []
            batch.append(call)
        if batch:
            yield batch

    def _answer(self, batch: Sequence[_Call]) -> None:
        try:
            scores = self._score([call.tokens for call in batch])
        except Exception as error:  # whatever it is, nobody must wait for ever
            for call in batch:
                failure = EngineError(f"the reward model failed: {type(error).__name__}: {error}")
                failure.__cause__ = error
                call.future.set_exception(failure)
            return
        for call, score in zip(batch, scores, strict=True):
            call.future.set_result(score)

    @torch.no_grad()
    def _score(self, rows: Sequence[tuple[int, ...]]) -> list[float]:
        width = max(map(len, rows))
        pad = 0 if self._pad is None else self._pad
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        device = self.model.device
        logits = self.model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
        scores: list[float] = self._linked(logits.float())[:, self._label].tolist()
        return scores

    def _linked(self, logits: Float[Tensor, "B L"]) -> Float[Tensor, "B L"]:
        if self.link == "none":
            return logits
        return logits.sigmoid() if self.link == "sigmoid" else logits.softmax(-1)


def _label(model: PreTrainedModel, label: int | str | None) -> int:
    """The number of the output that is the score."""
    names = {int(number): name for number, name in (model.config.id2label or {}).items()}
    if label is None and len(names) == 1:
        return 0
    found = [number for number, name in names.items() if label in (number, name)]
    if len(found) != 1:
        raise ConfigError(
            f"label: must be one of the reward model's outputs {list(names.values())} or its "
            f"number, got {label!r}"
        )
    return found[0]
