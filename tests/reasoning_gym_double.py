"""The part of reasoning-gym's interface that its adapter uses, with one generator."""

import random


class Sums:
    """Dataset of one-digit sums: items by index, scores by `score_answer`."""

    def __init__(self, size: int, seed: int, largest: int = 9) -> None:
        self.size, self.seed, self.largest = size, seed, largest

    def __getitem__(self, index: int) -> dict:
        draw = random.Random(self.seed + index)
        a, b = draw.randint(1, self.largest), draw.randint(1, self.largest)
        return {"question": f"{a} + {b}?", "answer": str(a + b), "metadata": {}}

    def score_answer(self, answer: str | None, entry: dict) -> float:
        return 1.0 if answer == entry["answer"] else 0.05 if answer else 0.0


def create_dataset(name: str, **options):
    if name != "sums":
        raise ValueError(f"Dataset '{name}' not registered")
    return Sums(**options)
