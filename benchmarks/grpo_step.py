"""Time one GRPO step: sample a group for each prompt, score, and take one optimizer step.

The same work, flags and model as the TRL baseline it is compared with: a random Qwen2 (hidden 256,
8 layers, 8 heads, 4 KV heads, MLP 768, tied embeddings, vocabulary 4096; 7.3 M parameters) in
float32; no KL, completions of fixed length, a reward that is a pure function of the text, two
threads. Nothing is stubbed: `collect`, the native engine, `GRPO` and the learner are those of
`guerdon train`.

    python benchmarks/grpo_step.py --steps 4 --prompts 4 --group 8 --completion 64

Prints one JSON line; ``step_s`` is the median, ``peak_mb`` the process's peak resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import statistics
import time

import torch
from peer_shape import VOCABULARY, random_qwen2
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from guerdon import attention
from guerdon.algorithms.grpo import GRPO
from guerdon.batch import Batch
from guerdon.config.schema import Learner as LearnerSettings
from guerdon.engines.native import NativeEngine
from guerdon.learner.learner import Learner
from guerdon.learner.models import PolicyModels
from guerdon.templates import ChatTemplate
from guerdon.tiny import CHATML
from guerdon.train.collect import collect
from guerdon.types import Episode, Model, Models, Reward, Sampling, Task, Trajectory, Turn


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on generated text, padded to exactly VOCABULARY entries."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator((f"x y {i} z{i % 97}" for i in range(20_000)), trainer)
    core.add_tokens([f"<unused_{i}>" for i in range(VOCABULARY - core.get_vocab_size())])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
    )


class FixedLength:
    """One completion of fixed length for a prompt of tokens, as in the baseline."""

    async def rollout(self, task: Task, models: Models) -> Episode:
        """Sample and score."""
        prompt = task.info["token_ids"]
        model = models["policy"]
        reply = await model.engine.generate(prompt, model.sampling)
        reward = Reward(float(len(set(reply.text)) % 7) / 7)
        length = len(prompt) + len(reply.token_ids)
        row = Trajectory(
            role="policy",
            group=task.id,
            turns=(Turn((), {"role": "assistant", "content": reply.text}, (len(prompt), length)),),
            token_ids=prompt + reply.token_ids,
            action_mask=(False,) * len(prompt) + (True,) * len(reply.token_ids),
            logprobs=(0.0,) * len(prompt) + reply.logprobs,
            reward=reward,
        )
        return Episode(task, (row,))


async def steps(args: argparse.Namespace) -> tuple[list[float], list[float], float]:
    """Seconds of each step, seconds of its sampling, and the largest engine gap."""
    words = tokenizer()
    ids = words("x y " * args.prompt_tokens).input_ids[: args.prompt_tokens - 2]
    texts = [words.decode(ids) + f" {i}" for i in range(args.steps * args.prompts)]
    tasks = [
        Task(str(i), (), info={"token_ids": tuple(words(t).input_ids)}) for i, t in enumerate(texts)
    ]

    template = ChatTemplate(words)
    template.stop_ids = frozenset()  # fixed length: the end token ends nothing, as min_new_tokens
    module = random_qwen2(attention.NAME, eos_token_id=2)
    algorithm = GRPO()
    learner = Learner(
        PolicyModels(module, words), algorithm, LearnerSettings(lr=1e-5), total_steps=args.steps
    )
    engine = NativeEngine(module, template)
    sampling = Sampling(max_tokens=args.completion)
    seconds, sampled, gap = [], [], 0.0
    gc.collect()
    gc.freeze()  # as the training loop does
    for step in range(args.steps):
        started = time.perf_counter()
        chosen = tasks[step * args.prompts : (step + 1) * args.prompts]
        episodes = await collect(
            FixedLength(),
            chosen,
            {"policy": Model(engine, sampling)},
            group_size=args.group,
            key=(step,),
        )
        sampled.append(time.perf_counter() - started)
        rows = [row for episode in episodes for row in episode.trajectories]
        batch = algorithm.estimate(learner.annotate(Batch.from_trajectories(rows)))
        metrics = learner.update(batch)
        learner.publish(engine, version=step + 1)
        seconds.append(time.perf_counter() - started)
        gap = max(gap, metrics["policy/engine_gap"])
    return seconds, sampled, gap


def main() -> None:
    """Run and print the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--completion", type=int, default=64)
    parser.add_argument("--prompt-tokens", type=int, default=83)
    args = parser.parse_args()
    torch.set_num_threads(2)
    seconds, sampled, gap = asyncio.run(steps(args))
    print(
        json.dumps(
            {
                "system": "guerdon",
                "prompt_tokens": args.prompt_tokens - 1,
                "prompts": args.prompts,
                "group": args.group,
                "completion": args.completion,
                "step_s": statistics.median(seconds),
                "steps": [round(s, 3) for s in seconds],
                "sampling_s": round(statistics.median(sampled), 3),
                "engine_gap": gap,
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
    )


if __name__ == "__main__":
    main()
