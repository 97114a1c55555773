"""Classes with RAGEN's interface: four values from step, a rendering, words for numbers."""

import random
from dataclasses import dataclass, field
from types import SimpleNamespace


@dataclass
class LineConfig:
    length: int = 4
    action_lookup: dict = field(default_factory=lambda: {1: "Left", 2: "Right"})
    grid_vocab: dict = field(default_factory=lambda: {"P": "player", "G": "goal"})


class Line:
    """Walk to the end of a line; the start is drawn from the global generator, as RAGEN's are."""

    def __init__(self, config: LineConfig | None = None) -> None:
        self.config = config or LineConfig()

    def reset(self, seed=None, mode="train"):
        random.seed(seed)
        self.at, self.mode = random.randrange(self.config.length - 1), mode
        return self.render()

    def step(self, action: int):
        before = self.at
        self.at = max(0, self.at + (1 if action == 2 else -1))
        done = self.at == self.config.length - 1
        info = {"action_is_effective": self.at != before, "action_is_valid": True, "success": done}
        return "ignored", 1.0 if done else -0.1, done, info

    def render(self, mode="text"):
        return "_" * self.at + "P" + "_" * (self.config.length - self.at - 2) + "G"


class Echo:
    """Takes text; has no lookup and a reset that takes no mode."""

    config = SimpleNamespace()

    def reset(self, seed=None):
        self.said = ""

    def step(self, action: str):
        self.said = action
        return "", 0.5, True, {}

    def render(self):
        return f"heard {self.said!r}"
