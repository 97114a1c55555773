"""Tokens per second of the native engine beside transformers' own `generate`, on the CPU.

Run:  python benchmarks/generate.py
Model: the one of `grpo_step.py`, a random Qwen2 (hidden 256, 8 layers, 8 heads, 4 KV heads, MLP
768, tied embeddings, vocabulary 4096; 7.3 M parameters), float32, two threads.
Both sides: the same prompts, groups of 8, temperature 1, every reply exactly as long as asked. The
other side is one batched call with a KV cache, left-padded, told the length by `min_new_tokens`;
it neither reports log-probabilities nor stops at strings. The sides take turns, so that what else
the machine does hits both.
Prints one JSON line a case, then one for a conversation of 16 turns: the tokens it has, and the
tokens the engine computed for it.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peer_shape import VOCABULARY, random_qwen2
from transformers import PreTrainedModel

from guerdon import attention
from guerdon.engines.native import NativeEngine
from guerdon.templates import ChatTemplate
from guerdon.tiny import TinyPolicy
from guerdon.types import Completion, Sampling

GROUP = 8


def random_prompts(count: int, length: int, seed: int) -> list[tuple[int, ...]]:
    """Prompts of slightly different lengths, ``length`` the longest."""
    generator = torch.Generator().manual_seed(seed)
    return [
        tuple(torch.randint(3, 250, (length - i % 4,), generator=generator).tolist())
        for i in range(count)
    ]


def endless_template() -> ChatTemplate:
    """A template whose replies end by length only."""
    template = ChatTemplate(TinyPolicy().tokenizer())
    template.stop_ids = frozenset()
    return template


def ours(engine: NativeEngine, prompts: list[tuple[int, ...]], new_tokens: int) -> int:
    """Generate a group for each prompt; returns the tokens sampled."""

    async def run() -> list[Completion]:
        return await asyncio.gather(
            *(
                engine.generate(prompt, Sampling(max_tokens=new_tokens, seed=i * GROUP + member))
                for i, prompt in enumerate(prompts)
                for member in range(GROUP)
            )
        )

    return sum(len(reply.token_ids) for reply in asyncio.run(run()))


def theirs(model: PreTrainedModel, prompts: list[tuple[int, ...]], new_tokens: int) -> int:
    """The same with one call of `transformers`; returns the tokens sampled."""
    width = max(map(len, prompts))
    rows = [prompt for prompt in prompts for _ in range(GROUP)]
    padded = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows])
    visible = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    with torch.inference_mode():
        out = model.generate(
            padded,
            attention_mask=visible,
            do_sample=True,
            top_k=0,
            top_p=1.0,
            min_new_tokens=new_tokens,
            max_new_tokens=new_tokens,
        )
    return out[:, width:].numel()


def compare(args: argparse.Namespace, prompt_tokens: int, new_tokens: int) -> dict[str, object]:
    """Median seconds of both sides over the same prompts."""
    plain = random_qwen2("sdpa", eos_token_id=VOCABULARY - 1)
    engine = NativeEngine(
        random_qwen2(attention.NAME, eos_token_id=VOCABULARY - 1), endless_template()
    )
    count = args.sequences // GROUP
    sides: dict[str, Callable[[list[tuple[int, ...]]], int]] = {
        "transformers": lambda prompts: theirs(plain, prompts, new_tokens),
        "guerdon": lambda prompts: ours(engine, prompts, new_tokens),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    cpu_seconds: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(args.repeats + 1):
        prompts = random_prompts(count, prompt_tokens, repeat)
        for name, side in sides.items():
            started, busy = time.perf_counter(), time.process_time()
            assert side(prompts) == args.sequences * new_tokens
            if repeat:  # the first warms up
                seconds[name].append(time.perf_counter() - started)
                cpu_seconds[name].append(time.process_time() - busy)
    speed = {
        name: args.sequences * new_tokens / statistics.median(s) for name, s in seconds.items()
    }
    return {
        "sequences": args.sequences,
        "prompt_tokens": prompt_tokens,
        "new_tokens": new_tokens,
        "tokens_per_s": {name: round(value) for name, value in speed.items()},
        "ratio": round(speed["guerdon"] / speed["transformers"], 2),
        "seconds": {name: [round(s, 2) for s in all_s] for name, all_s in seconds.items()},
        "cpu_seconds": {name: round(statistics.median(s), 2) for name, s in cpu_seconds.items()},
    }


def conversation(turns: int = 16) -> dict[str, int]:
    """Tokens of a conversation, and tokens computed for it."""
    engine = NativeEngine(
        random_qwen2(attention.NAME, eos_token_id=VOCABULARY - 1), endless_template()
    )
    row, length = random_prompts(1, 83, 0)[0], 0
    for turn in range(turns):
        sampling = Sampling(max_tokens=16, seed=turn)
        [reply] = [asyncio.run(engine.generate(row, sampling))]
        length = len(row) + len(reply.token_ids)
        row = (*row, *reply.token_ids, *random_prompts(1, 24, turn)[0])
    return {
        "turns": turns,
        "conversation_tokens": length,
        "computed_tokens": engine.stats.computed_tokens,
        "computed_again": engine.stats.computed_tokens - (length - 1),  # nobody reads the last
    }


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=64)
    parser.add_argument("--prompt-tokens", type=int, nargs="+", default=[83, 515])
    parser.add_argument("--new-tokens", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for prompt_tokens in args.prompt_tokens:
        for new_tokens in args.new_tokens:
            print(json.dumps(compare(args, prompt_tokens, new_tokens)), flush=True)
    print(json.dumps(conversation()))


if __name__ == "__main__":
    main()
