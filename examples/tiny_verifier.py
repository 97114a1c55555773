"""A tiny verifier and the rows it judges, made in seconds on a CPU, with no download.

    python examples/tiny_verifier.py DIR

DIR/verifier is a Hugging Face directory that reads General-Verifier's prompt and answers "Final
Decision: Yes" or "No"; it learned that from pairs of equal and unequal answers. DIR/train.parquet
has word problems in verl's schema. ``guerdon train --config-name verifier_grpo`` uses both.
"""

import json
import random
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from guerdon.algorithms.imitation import Imitation
from guerdon.batch import Batch
from guerdon.config.schema import Learner as LearnerSettings
from guerdon.config.schema import ModelSpec
from guerdon.learner.learner import Learner
from guerdon.learner.models import load_models
from guerdon.rewards.verifier import GENERAL_VERIFIER
from guerdon.tiny import TinyPolicy
from guerdon.types import Reward, Trajectory, Turn

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eva")
THINGS = ("apples", "pens", "cups", "hats", "coins", "keys")
DIGITS = tuple("0123456789")
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
INSTRUCTION = r"Put your final answer within \boxed{}."


def questions() -> Iterator[tuple[str, str]]:
    """Every word problem, with its answer."""
    for name, thing, number, gets in product(NAMES, THINGS, range(1, 9), (True, False)):
        change = "gets" if gets else "loses"
        text = f"{name} has {number} {thing} and {change} 1. How many {thing} has {name} now?"
        yield text, str(number + 1 if gets else number - 1)


def rows(seed: int) -> list[dict[str, object]]:
    """Rows in verl's schema; ``messages`` is for the warm-up: a boxed digit, but only a guess."""
    draw = random.Random(seed)
    found = []
    for index, (question, answer) in enumerate(questions()):
        asked = {"role": "user", "content": f"{question} {INSTRUCTION}"}
        guess = {"role": "assistant", "content": rf"\boxed{{{draw.choice(DIGITS)}}}"}
        found.append(
            {
                "data_source": "tiny_change",
                "prompt": [asked],
                "ability": "math",
                "reward_model": {"style": "rule", "ground_truth": answer},
                "extra_info": {"split": "train", "index": index, "question": question},
                "messages": [asked, guess],
            }
        )
    return found


def verdicts(seed: int, number: int) -> Iterator[tuple[str, str]]:
    """Prompts in General-Verifier's form with what to reply; as many yes as no."""
    draw = random.Random(seed)
    texts = [text for text, _ in questions()]
    for _ in range(number):
        gold, is_equal = draw.choice(DIGITS), draw.random() < 0.5
        other = draw.choice([digit for digit in DIGITS if digit != gold])
        said = gold if is_equal else other
        if draw.random() < 0.3:
            said = NUMBER_WORDS[int(said)]
        prompt = GENERAL_VERIFIER.format(
            question=draw.choice(texts), ground_truth=gold, student_answer=said
        )
        yield prompt, f" Final Decision: {'Yes' if is_equal else 'No'}"


def train_verifier(folder: Path, *, steps: int = 150, batch_size: int = 32, seed: int = 0) -> float:
    """Teach a tiny model to compare answers, and save it; returns the last loss in nats a token."""
    texts = (GENERAL_VERIFIER, "has gets loses and How many now", *NAMES, *THINGS, *NUMBER_WORDS)
    words = [word for text in texts for word in _words(text)]
    tiny = TinyPolicy(
        words=sorted({*words, "###"}),
        hidden=64, num_layers=2, num_heads=4, num_kv_heads=4, mlp=128, rope_theta=100.0,
    )  # fmt: skip
    tiny.save(folder, seed=seed)
    models = load_models(ModelSpec(path=str(folder), device="cpu"))
    settings = LearnerSettings(lr=4e-3, betas=(0.9, 0.99), schedule="linear", min_lr_frac=0.1)
    learner = Learner(models, Imitation(), settings, total_steps=steps)
    pairs = list(verdicts(seed, steps * batch_size))
    loss = float("nan")
    for at in range(0, len(pairs), batch_size):
        batch = Batch.from_trajectories(
            [_row(models.tokenizer, *pair) for pair in pairs[at : at + batch_size]]
        )
        loss = learner.update(learner.algorithm.estimate(batch))["loss/imitation"]
    models.policy.save_pretrained(folder)
    return loss


def _row(tokenizer, prompt: str, reply: str) -> Trajectory:
    asked = tokenizer(prompt)["input_ids"]
    said = [*tokenizer(reply)["input_ids"], tokenizer.eos_token_id]
    turn = Turn((), {"role": "assistant", "content": reply}, (len(asked), len(asked) + len(said)))
    return Trajectory(
        role="policy",
        group="",
        turns=(turn,),
        token_ids=(*asked, *said),
        action_mask=(False,) * len(asked) + (True,) * len(said),
        logprobs=(0.0,) * (len(asked) + len(said)),
        reward=Reward(0.0),
    )


def _words(text: str) -> list[str]:
    return ["".join(filter(str.isalpha, word)) for word in text.split() if word[0].isalpha()]


def main(folder: Path) -> None:
    """Write everything to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows(seed=0)), folder / "train.parquet")
    loss = train_verifier(folder / "verifier")
    print(json.dumps({"folder": str(folder), "verifier_loss": round(loss, 4)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
