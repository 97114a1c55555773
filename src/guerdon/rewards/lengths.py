"""How long a text is, in the unit a configuration names."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from tokenizers import Tokenizer

from guerdon.errors import ConfigError, RewardError
from guerdon.types import Models

Unit = Literal["tokens", "words", "characters"]


def measure(text: str, unit: Unit, models: Models, tokenizer: str | None = None) -> int:
    """The length of ``text``.

    Args:
        unit: tokens are those of ``tokenizer``, or else of the policy.
        tokenizer: a model directory or hub name, see ``count_tokens``.

    Raises:
        RewardError: tokens are asked for, and neither is there.
    """
    if unit == "words":
        return len(text.split())
    if unit == "characters":
        return len(text)
    if tokenizer is not None:
        return count_tokens(text, tokenizer)
    template = models["policy"].engine.template if "policy" in models else None
    if template is None:
        raise RewardError("the policy's engine has no tokenizer here; set tokenizer or unit: words")
    return len(template.tokenizer.encode(text, add_special_tokens=False))


def count_tokens(text: str, tokenizer: str) -> int:
    """Tokens of a text by a declared tokenizer, without the special ones around it.

    Raises:
        ConfigError: there is no tokenizer of that name.
    """
    return len(load_tokenizer(tokenizer).encode(text, add_special_tokens=False).ids)


@lru_cache(maxsize=8)
def load_tokenizer(name: str) -> Tokenizer:
    """The tokenizer of a model directory (its tokenizer.json), or of a hub name.

    Raises:
        ConfigError: there is none.
    """
    file = Path(name) / "tokenizer.json"
    try:
        if file.is_file() or Path(name).exists():
            return Tokenizer.from_file(str(file))
        return Tokenizer.from_pretrained(name)
    except Exception as error:  # the library raises bare Exception, for a missing file, too
        why = str(error).strip().partition("\n")[0][:200]
        raise ConfigError(
            f"tokenizer {name!r}: cannot be read ({why}); name a model directory with a "
            f"tokenizer.json, or a hub name"
        ) from error
