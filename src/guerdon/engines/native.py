"""NativeEngine: samples from a Hugging Face causal LM in this process, in one continuous batch.

Calls of `generate` queue up; one task steps the model in the event loop. Before each step it lets
the loop run until nobody submits any more, so that who joins which step depends on nothing but the
order of the calls. Finished sequences leave at once and waiting ones take their place.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from guerdon import attention
from guerdon.engines.conversation_cache import ConversationCache
from guerdon.engines.kv_cache import KvCache
from guerdon.engines.sampler import likeliest, sample
from guerdon.engines.sequence import GenerationSequence, StopStrings
from guerdon.engines.step_plan import Span, layout_of, plan
from guerdon.errors import ConfigError, EngineError
from guerdon.types import Completion, Message, Place, Sampling

if TYPE_CHECKING:
    from guerdon.templates import ChatTemplate

_QUIET_TICKS = 5
"""Turns of the event loop without a new call after which everybody who could has called."""


@dataclass
class EngineStats:
    """What the engine computed since it was made."""

    prefilled_tokens: int = 0
    """Prompt tokens that went through the model; the reply a prompt repeats is in the cache but
    for its last token, whose keys and values nobody had needed."""
    computed_tokens: int = 0
    """All tokens that went through the model."""
    sampled_tokens: int = 0
    forward_passes: int = 0


class NativeEngine:
    """Samples from a causal LM, with its keys and values kept across calls.

    A prompt that several calls share is computed once, and a prompt that continues an earlier one
    and its reply is computed from there on. Log-probabilities are those of the distribution that
    was sampled. Adapters of a PEFT model stay separate and active.

    Args:
        model: loaded by `hf.load_model`; the learner may train the same module between calls.
        template: renders messages, decodes replies, knows the tokens that end one.
        max_cache_tokens: tokens whose keys and values are kept; calls wait while it is full, and
            conversations nobody continues make room, the least recently used first. Prompts and
            replies are rounded up to powers of two.
        max_batch: sequences in one step; others wait.
        max_step_tokens: tokens in one step; longer prompts take several.
        context: tokens of prompt and reply together; None: what the model's config says.
        offload: keep the weights on the CPU, and no cache, while it rests (`rest`): for a model
            that is only asked, on a GPU it shares with one that is trained.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        template: ChatTemplate,
        *,
        max_cache_tokens: int = 262_144,
        max_batch: int = 256,
        max_step_tokens: int = 8192,
        context: int | None = None,
        offload: bool = False,
    ) -> None:
        config = model.config.get_text_config()
        if config._attn_implementation != attention.NAME:
            raise ConfigError(
                f"the engine's model uses attention {config._attn_implementation!r}; load it with "
                f"guerdon.hf.load_model"
            )
        self.model = model
        self.template = template
        self.stats = EngineStats()
        self.version = 0
        self.max_batch = max_batch
        self.max_step_tokens = max_step_tokens
        self.context: int = context or getattr(config, "max_position_embeddings", None) or 1 << 62
        weight: Tensor = model.get_input_embeddings().weight  # type: ignore[assignment]
        heads = config.num_attention_heads
        self._device = weight.device
        self._offload, self._rests = offload, False
        self._kv = KvCache(
            num_layers=config.num_hidden_layers,
            num_heads=getattr(config, "num_key_value_heads", None) or heads,
            head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
            max_tokens=max_cache_tokens,
            dtype=weight.dtype,
            device=weight.device,
        )
        self._cache = ConversationCache(self._kv)
        self._decode = lru_cache(4096)(template.decode)
        self._waiting: deque[GenerationSequence] = deque()
        self._active: list[GenerationSequence] = []
        self._num_calls = 0
        self._task: asyncio.Task[None] | None = None

    async def generate(
        self, prompt: tuple[int, ...] | tuple[Message, ...], sampling: Sampling
    ) -> Completion:
        """Sample one completion; see `types.Engine`.

        Token i of the reply depends on the distribution, ``sampling.seed`` and i only.

        Raises:
            EngineError: the prompt is empty or could never fit the cache, or the model failed.
        """
        tokens = self._tokens(prompt)
        max_tokens = min(sampling.max_tokens, self.context - len(tokens))
        if max_tokens <= 0:
            return Completion("", finish_reason="length", version=self.version)
        demand = self._cache.demand(tokens, max_tokens)
        if demand > self._kv.max_tokens:
            raise EngineError(
                f"a prompt of {len(tokens)} tokens with up to {max_tokens} more needs {demand} "
                f"tokens of cache, the engine has {self._kv.max_tokens}; raise max_cache_tokens"
            )
        loop = asyncio.get_running_loop()
        stops = StopStrings(sampling.stop, self.template.decode) if sampling.stop else None
        sequence = GenerationSequence(
            tokens, sampling, max_tokens, loop.create_future(), list(tokens), stops
        )
        self._submit(sequence, loop)
        try:
            await sequence.future
        except asyncio.CancelledError:
            self._abandon(sequence)
            raise
        assert sequence.finish_reason is not None
        return Completion(
            text=self._decode(sequence.sampled),
            token_ids=sequence.sampled,
            logprobs=tuple(sequence.logprobs),
            finish_reason=sequence.finish_reason,
            version=sequence.version,
            places=self._places(sequence),
        )

    async def complete(self, prompt: str, sampling: Sampling) -> Completion:
        """Continue a raw text, without the chat template; special tokens in it are special.

        Raises:
            EngineError: as `generate`.
        """
        return await self.generate(tuple(self.template.tokenizer(prompt)["input_ids"]), sampling)

    def load_weights(self, named_tensors: Iterable[tuple[str, Tensor]], version: int) -> None:
        """Sample from these weights from now on; replies under way go on with them.

        Tensors that share the storage of the engine's own are not copied.

        Args:
            named_tensors: as in the model's ``state_dict``; those not named stay.

        Raises:
            EngineError: the model has no tensor of a name, or one of another shape.
        """
        own = self.model.state_dict()
        for name, tensor in named_tensors:
            if name not in own or own[name].shape != tensor.shape:
                found = f"has shape {tuple(own[name].shape)}" if name in own else "does not exist"
                raise EngineError(
                    f"weight {name!r} of shape {tuple(tensor.shape)} {found} in the engine's model"
                )
            if own[name].data_ptr() != tensor.data_ptr():
                own[name].copy_(tensor)
        self.version = version
        active = [s.conversation for s in self._active if s.conversation is not None]
        if active:
            self._cache.forget(active)
        else:
            self._cache.clear()  # what follows depends on nothing that came before

    def rest(self) -> None:
        """With ``offload``, give the device's memory back until the next call; a call under way
        keeps it."""
        if self._offload and not (self._rests or self._waiting or self._active):
            self.model.to("cpu")  # type: ignore[arg-type]
            self._cache.clear()
            self._kv.release()
            self._rests = True

    # --- calls ------------------------------------------------------------------------------------

    def _tokens(self, prompt: tuple[int, ...] | tuple[Message, ...]) -> tuple[int, ...]:
        if not prompt:
            raise EngineError("the prompt is empty; give at least one token or message")
        if isinstance(prompt[0], int):
            return prompt
        return self.template.start(prompt)

    def _places(self, sequence: GenerationSequence) -> tuple[Place, ...]:
        """Each sampled token with those that were likeliest there, if the call asked for them."""
        if not sequence.sampling.top_logprobs:
            return ()
        pieces = self.template.pieces(sequence.sampled)
        return tuple(
            Place(piece, tuple((self._decode((token,)), logprob) for token, logprob in tokens))
            for piece, tokens in zip(pieces, sequence.likeliest, strict=True)
        )

    def _submit(self, sequence: GenerationSequence, loop: asyncio.AbstractEventLoop) -> None:
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            for stale in [*self._waiting, *self._active]:  # of an event loop that is gone
                self._abandon(stale)
            self._task = loop.create_task(self._run())
        self._waiting.append(sequence)
        self._num_calls += 1

    def _abandon(self, sequence: GenerationSequence) -> None:
        """Forget a call nobody waits for any more."""
        if sequence in self._waiting:
            self._waiting.remove(sequence)
        elif sequence in self._active:
            self._leave(sequence)

    def _leave(self, sequence: GenerationSequence) -> None:
        self._active.remove(sequence)
        assert sequence.conversation is not None
        self._cache.close(sequence.conversation, sequence.tokens)

    # --- the batch --------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Step until nobody waits."""
        left = True
        try:
            self._wake()
            while self._waiting or self._active:
                await self._settle(_QUIET_TICKS if left else 1)
                self._admit()
                left = bool(self._active) and self._step()
        except Exception as error:
            self._fail(f"the engine's model failed: {type(error).__name__}: {error}", error)
        except asyncio.CancelledError:
            self._fail("the engine was cancelled", None)
            raise

    def _wake(self) -> None:
        if self._rests:
            self.model.to(self._device)  # type: ignore[arg-type]
            self._kv.wipe()
            self._rests = False

    async def _settle(self, num_ticks: int) -> None:
        """Let the event loop run until no call has come for so many of its turns."""
        quiet = 0
        while quiet < num_ticks:
            seen = self._num_calls
            await asyncio.sleep(0)
            quiet = quiet + 1 if seen == self._num_calls else 0

    def _admit(self) -> None:
        """Let waiting sequences join, in order, as far as there is room."""
        while self._waiting and len(self._active) < self.max_batch:
            sequence = self._waiting[0]
            conversation = self._cache.open(sequence.prompt, sequence.max_tokens)
            if conversation is None and not self._active:
                self._cache.forget([])  # its own head lies where it splits the room it needs
                conversation = self._cache.open(sequence.prompt, sequence.max_tokens)
                assert conversation is not None, "an empty cache has room for any call let in"
            if conversation is None:
                return
            sequence.conversation = conversation
            self._active.append(self._waiting.popleft())

    @torch.inference_mode()
    def _step(self) -> bool:
        """One forward pass, one token for each sequence that is through its prompt.

        Returns:
            Whether a sequence finished.
        """
        spans = plan(self._active, self.max_step_tokens)
        logits, rows = self._forward(spans)
        self._count(spans)
        for span in spans:
            span.commit()
        samplers = [sequence for span in spans for sequence in span.samplers]
        if not samplers:
            return False
        if len(samplers) > len(logits):
            logits = logits[torch.tensor(rows, device=self._device)]
        tokens, logprobs = sample(
            logits, [s.sampling for s in samplers], [len(s.logprobs) for s in samplers]
        )
        if any(s.sampling.top_logprobs for s in samplers):
            for one, best in zip(
                samplers, likeliest(logits, [s.sampling for s in samplers]), strict=True
            ):
                one.likeliest.append(best)
        return self._accept(samplers, tokens, logprobs)

    def _forward(self, spans: list[Span]) -> tuple[Tensor, list[int]]:
        """Logits after each span that somebody samples from, and for each sampler its row."""
        ids, positions, layout = layout_of(spans, self._kv, self._device)
        last: list[int] = []
        rows: list[int] = []
        end = 0
        for span in spans:
            end += len(span.tokens)
            if span.samplers:
                rows += [len(last)] * len(span.samplers)
                last.append(end - 1)
        if self.model.training:
            self.model.eval()
        with attention.attending(layout):
            out = self.model(
                input_ids=ids,
                position_ids=positions,
                use_cache=False,
                logits_to_keep=torch.tensor(last or [0], device=self._device),
            )
        return out.logits[0], rows

    def _count(self, spans: list[Span]) -> None:
        self.stats.forward_passes += 1
        for span in spans:
            self.stats.computed_tokens += len(span.tokens)
            self.stats.prefilled_tokens += span.num_prompt_tokens

    def _accept(
        self, samplers: list[GenerationSequence], tokens: list[int], logprobs: list[float]
    ) -> bool:
        self.stats.sampled_tokens += len(samplers)
        stop_ids = self.template.stop_ids
        finished = False
        for sequence, token, logprob in zip(samplers, tokens, logprobs, strict=True):
            if not sequence.logprobs:
                sequence.version = self.version
            if sequence.accept(token, logprob, stop_ids):
                finished = True
                self._leave(sequence)
                sequence.future.set_result(None)
        return finished

    def _fail(self, message: str, cause: Exception | None) -> None:
        """Answer all calls with an error and start over."""
        for sequence in [*self._waiting, *self._active]:
            if not sequence.future.done():
                error = EngineError(message)
                error.__cause__ = cause
                sequence.future.set_exception(error)
        self._waiting.clear()
        self._active.clear()
        self._cache.clear()
        self._kv.wipe()
