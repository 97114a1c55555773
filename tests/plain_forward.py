"""What tests of the native engine share: a policy, prompts, and what a plain forward pass says."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.types import Completion

POLICY = TinyPolicy(num_kv_heads=2, context=256)
TEMPLATE = ChatTemplate(POLICY.tokenizer())


class NeverStops(ChatTemplate):
    """Replies end by length only."""

    def __init__(self) -> None:
        super().__init__(POLICY.tokenizer())
        self.stop_ids = frozenset()


ENDLESS = NeverStops()


def ids(count: int, seed: int = 0) -> tuple[int, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(3, 250, (count,), generator=generator).tolist())


def together(*calls: Coroutine[Any, Any, Completion]) -> list[Completion]:
    async def gather() -> list[Completion]:
        return await asyncio.gather(*calls)

    return asyncio.run(gather())


def plain_logprobs(
    model: PreTrainedModel | PeftModel,
    prompt: Sequence[int],
    reply: Completion,
    temperature: float = 1.0,
) -> torch.Tensor:
    """Log-probabilities of the reply from one full forward pass with PyTorch's own attention."""
    row = torch.tensor([[*prompt, *reply.token_ids]])
    ours = model.config._attn_implementation
    model.set_attn_implementation("sdpa")
    with torch.no_grad():
        logits = model(row).logits[0, len(prompt) - 1 : -1]
    model.set_attn_implementation(ours)
    logprobs = (logits.double() / temperature).log_softmax(-1)
    return logprobs.gather(1, torch.tensor(reply.token_ids).unsqueeze(1)).squeeze(1)


def gap(
    model: PreTrainedModel | PeftModel,
    prompt: Sequence[int],
    reply: Completion,
    temperature: float = 1.0,
) -> float:
    want = plain_logprobs(model, prompt, reply, temperature)
    return float((torch.tensor(reply.logprobs) - want).abs().max())
