"""ScriptedEngine: an engine that says what it is told. The public double for tests and demos."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from guerdon.errors import EngineError
from guerdon.types import Completion, FinishReason, Message, Sampling, derive_seed

if TYPE_CHECKING:
    from guerdon.templates import ChatTemplate

Prompt = tuple[Message, ...] | str
Reply = str | Completion | Exception


class Truncated(str):
    """A reply that is cut: no end token, ``finish_reason="length"``."""

    __slots__ = ()


class ScriptedEngine:
    """Replies from a function or a list; with a template also as tokens with log-probabilities.

    Args:
        reply: called with the prompt, as messages if it came as messages and else as text, or
            replies in the order of the calls. An exception, raised or among the replies, is
            raised by ``generate``; a `Truncated` reply lacks its end; a `Completion` is given as
            it is.
        template: gives replies tokens, the end token included, and cuts those of more than
            ``max_tokens``. None: the engine speaks only text.
        latency_s: what each call takes.

    Log-probabilities lie in (-2, 0] and depend on ``sampling.seed`` and the place only.
    """

    def __init__(
        self,
        reply: Callable[[Prompt], Reply] | Sequence[Reply],
        template: ChatTemplate | None = None,
        *,
        latency_s: float = 0.0,
    ) -> None:
        self.template = template
        self.version = 0
        self.calls: list[tuple[Prompt, Sampling]] = []
        """What was asked, in order."""
        self._reply, self._latency_s = reply, latency_s

    async def generate(
        self, prompt: tuple[int, ...] | tuple[Message, ...], sampling: Sampling
    ) -> Completion:
        """The next reply; see `types.Engine`.

        Raises:
            EngineError: the script says so, or has no more replies.
        """
        return await self._answer(self._readable(prompt), sampling)

    async def complete(self, prompt: str, sampling: Sampling) -> Completion:
        """The next reply, to a raw text.

        Raises:
            EngineError: as `generate`.
        """
        return await self._answer(prompt, sampling)

    async def _answer(self, asked: Prompt, sampling: Sampling) -> Completion:
        self.calls.append((asked, sampling))
        number = len(self.calls)
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        reply = self._reply(asked) if callable(self._reply) else self._at(number)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Completion) else self._completion(reply, sampling)

    def load_weights(self, named_tensors: Iterable[tuple[str, Any]], version: int) -> None:
        """Take note of the version; there are no weights."""
        self.version = version

    def _readable(self, prompt: tuple[int, ...] | tuple[Message, ...]) -> Prompt:
        if prompt and isinstance(prompt[0], int):
            if self.template is None:
                raise EngineError("a scripted engine without a template got a prompt of tokens")
            return str(self.template.tokenizer.decode(list(prompt)))
        return prompt  # type: ignore[return-value]

    def _at(self, number: int) -> Reply:
        assert not callable(self._reply)
        if number > len(self._reply):
            raise EngineError(f"the script has {len(self._reply)} replies; this is call {number}")
        return self._reply[number - 1]

    def _completion(self, reply: str, sampling: Sampling) -> Completion:
        reason: FinishReason = "length" if isinstance(reply, Truncated) else "stop"
        if self.template is None:
            return Completion(str(reply), finish_reason=reason, version=self.version)
        tokenizer = self.template.tokenizer
        tokens = list(tokenizer.encode(reply, add_special_tokens=False))
        if reason == "stop":
            eos = tokenizer.eos_token_id
            tokens.append(min(self.template.stop_ids) if eos is None else eos)
        if len(tokens) > sampling.max_tokens:
            tokens, reason = tokens[: sampling.max_tokens], "length"
        logprobs = (-2.0 * derive_seed(sampling.seed, i) / 2**63 for i in range(len(tokens)))
        return Completion(
            text=self.template.decode(tokens),
            token_ids=tuple(tokens),
            logprobs=tuple(logprobs),
            finish_reason=reason,
            version=self.version,
        )
