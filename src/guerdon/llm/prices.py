"""Prices: what a call may cost at most and what it did cost, in whole nano-dollars.

Integers, because a budget that is checked against a sum of floats is a budget that drifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import ceil
from typing import Any

import yaml

from guerdon.errors import ConfigError
from guerdon.llm.reply import Usage

NANO = 1_000_000_000
"""Nano-dollars in a dollar."""

_PER_MESSAGE = 32
"""Tokens a chat template may add around one message, and around the conversation."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cached_input: float | None = None
    """For prompt tokens the server had in its own cache; None: as ``input``."""

    def __post_init__(self) -> None:
        if min(self.input, self.output, self.cached_input or 0.0) < 0:
            raise ConfigError(f"price: must not be negative, got {self}")

    def cost(self, usage: Usage) -> int:
        """Nano-dollars of a call, rounded up."""
        assert usage.tokens_in is not None
        assert usage.tokens_out is not None
        cheap = self.input if self.cached_input is None else self.cached_input
        dear = usage.tokens_in - usage.cached_in
        return _nano(dear * self.input + usage.cached_in * cheap + usage.tokens_out * self.output)

    def most(self, prompt_tokens: int, max_tokens: int) -> int:
        """Nano-dollars of a call that uses all it may."""
        return _nano(prompt_tokens * self.input + max_tokens * self.output)


FREE = Price(0.0, 0.0)


def _nano(micro_dollars: float) -> int:
    return ceil(round(micro_dollars * 1000, 6))


def most_tokens(texts: list[str], *, extra: int = 0) -> int:
    """The most tokens these texts can be: tokenizers make at most one token of a byte.

    Args:
        texts: contents of the messages, or one raw prompt.
        extra: bytes sent beside them that may become part of the prompt (a JSON schema).
    """
    return sum(len(text.encode()) + _PER_MESSAGE for text in texts) + _PER_MESSAGE + extra


def price_of(model: str, host: str) -> Price | None:
    """The shipped price of a model on a host, or None."""
    entry = _book()["hosts"].get(host, {}).get(model)
    return None if entry is None else Price(**entry)


def book_date() -> str:
    """When the shipped prices were read."""
    return str(_book()["as_of"])


@lru_cache(1)
def _book() -> dict[str, Any]:
    text = files("guerdon.llm").joinpath("prices.yaml").read_text(encoding="utf-8")
    book: dict[str, Any] = yaml.safe_load(text)
    return book
