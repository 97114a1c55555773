"""A tiny verifier and the rows it judges, made in seconds on a CPU, with no download.

    python examples/tiny_verifier.py DIR

DIR/verifier is a Hugging Face directory that reads General-Verifier's prompt and answers "Final
Decision: Yes" or "No"; it learned that from pairs of equal and unequal answers. DIR/train.parquet
has word problems in verl's schema. ``guerdon train --config-name verifier_grpo`` uses both.
"""

import json
import random
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pyarrow.parquet as pq
import torch

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
DIGITS = tuple("12345")
ROMAN = ("I", "II", "III", "IV", "V")
"""Other ways to write the digits, which a verifier may know and a rule does not."""
WORDS = ("one", "two", "three", "four", "five")
MAX_STEPS = 600
"""Of each lesson; they end as soon as the loss is so small that no pair of answers is misjudged."""
INSTRUCTION = r"Put your final answer within \boxed{}."


def questions() -> Iterator[tuple[str, str]]:
    """Every word problem, with its answer."""
    for name, thing, at, change in product(NAMES, THINGS, range(1, 4), ("gets", "loses")):
        text = f"{name} has {WORDS[at]} {thing} and {change} one. How many {thing} has {name} now?"
        yield text, DIGITS[at + 1 if change == "gets" else at - 1]


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


def lesson(draw: random.Random, texts: Sequence[str]) -> tuple[str, str]:
    """A prompt in General-Verifier's form, and a reply that thinks before it decides."""
    prompt, thought, verdict = _comparison(draw, texts)
    return prompt, thought + verdict


def short_lesson(draw: random.Random, texts: Sequence[str]) -> tuple[str, str]:
    """The end of a prompt with the thought, and the decision: to compare is learned first."""
    prompt, thought, verdict = _comparison(draw, texts)
    return prompt[-12:] + thought, verdict


def _comparison(draw: random.Random, texts: Sequence[str]) -> tuple[str, str, str]:
    """As many equal answers as different ones; some in Roman numerals."""
    gold, is_equal = draw.choice(DIGITS), draw.random() < 0.5
    said = gold if is_equal else draw.choice([digit for digit in DIGITS if digit != gold])
    shown = ROMAN[DIGITS.index(said)] if draw.random() < 0.3 else said
    prompt = GENERAL_VERIFIER.format(
        question=draw.choice(texts), ground_truth=gold, student_answer=shown
    )
    return prompt, f" {gold} and {said}.", f" Final Decision: {'Yes' if is_equal else 'No'}"


def train_verifier(folder: Path, *, seed: int = 0) -> list[int]:
    """Teach a tiny model to compare answers, and save it; returns the steps of each lesson."""
    texts = (GENERAL_VERIFIER, "has gets loses and How many now", *NAMES, *THINGS, *WORDS, *ROMAN)
    words = {word for text in texts for word in _words(text)}
    tiny = TinyPolicy(words=sorted({*words, "###"}), mlp=128, rope_theta=100.0, init_std=0.2)
    tiny.save(folder, seed=seed)
    models = load_models(ModelSpec(path=str(folder), device="cpu"))
    draw, asked = random.Random(seed), [text for text, _ in questions()]
    num_steps = []
    for num_whole, num_short, known in ((0, 64, 0.02), (16, 8, 0.0005)):
        learner = Learner(models, Imitation(), LearnerSettings(lr=3e-3), total_steps=MAX_STEPS)
        losses = deque([1.0], maxlen=5)
        while fmean(losses) > known and learner.step < MAX_STEPS:
            pairs = [lesson(draw, asked) for _ in range(num_whole)]
            pairs += [short_lesson(draw, asked) for _ in range(num_short)]
            batch = Batch.from_trajectories([_row(models.tokenizer, *pair) for pair in pairs])
            losses.append(learner.update(learner.algorithm.estimate(batch))["loss/imitation"])
        num_steps.append(learner.step)
    models.policy.save_pretrained(folder)
    return num_steps


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
    torch.set_num_threads(1)  # more would only wait for each other
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows(seed=0)), folder / "train.parquet")
    num_steps = train_verifier(folder / "verifier")
    print(json.dumps({"folder": str(folder), "steps": num_steps}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
