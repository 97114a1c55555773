"""The part of TextArena's interface that its adapter uses, with one game: say the secret word."""

import random


class Secret:
    """Draws from the global generator, as TextArena's own games do."""

    def reset(self, num_players: int, seed: int | None = None) -> None:
        random.seed(seed)
        self.word, self.turn = random.choice(["crane", "sloth"]), 0
        self.news = [(-1, "Say the secret word.", "prompt")]

    def get_observation(self):
        news, self.news = self.news, []
        return 0, news

    def step(self, action: str):
        self.turn += 1
        self.won = action == f"[{self.word}]"
        hint = random.choice(["Cold.", "Warm."])
        self.news = [(0, action, "action"), (-1, hint, "message")]
        return self.won or self.turn == 3, {"turn": self.turn}

    def close(self):
        return {0: 1.0 if self.won else -1.0}, {}


def make(env_id: str):
    if env_id == "Wordless-v0-raw":  # as nltk says it
        raise LookupError(f"\n{'*' * 70}\n  Resource words not found.\n{'*' * 70}\n")
    if env_id != "Secret-v0-raw":
        raise ValueError(f"Environment {env_id} not found in registry.")
    return Secret()
