"""Sealed: texts of others in a prompt, between marks that none of the texts can contain.

    This message's code is 1f9c04ab.

    <response-1f9c04ab>
    ... whatever a model wrote ...
    </response-1f9c04ab>

The code is a hash of the texts, hashed again until none of them contains it. So nothing inside can
close a mark or open another, nor know the code of the message it will be part of; and equal texts
make equal requests, which the cache and a replay rely on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from guerdon.control_tokens import REASONING
from guerdon.rewards.unseen import num_hidden, without_hidden

__all__ = ["Sealed", "after_thinking", "clip", "num_hidden", "seal", "unseal", "visible"]

_CODE_BYTES = 4
_FIRST_LINE = re.compile(r"This message's code is ([0-9a-f]{8})\.\n")

_MARKUP = re.compile(r"<(\|[^<>|\n]{1,40}\|)>|<(/?s|/?start_of_turn|/?end_of_turn|bos|eos)>")
"""Names of control tokens of chat templates, which a server may take for the tokens."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Texts between marks."""

    code: str
    text: str

    def mark(self, name: str) -> str:
        """The name inside the marks of a section."""
        return f"{name}-{self.code}"


def seal(sections: Mapping[str, str]) -> Sealed:
    """Put each text between marks of its name, in the given order.

    Texts are shown without hidden characters, and names of chat templates' control tokens with a
    space inside: ``< |im_end|>`` is no control token for any server.
    """
    shown = {name: visible(text) for name, text in sections.items()}
    code = _code(shown)
    blocks = [f"<{name}-{code}>\n{text}\n</{name}-{code}>" for name, text in shown.items()]
    return Sealed(code, "\n\n".join([f"This message's code is {code}.", *blocks]))


def unseal(message: str) -> dict[str, str]:
    """The texts of a sealed message, by name; {} if it is none. For audits and scripted judges."""
    first = _FIRST_LINE.match(message)
    if first is None:
        return {}
    block = re.compile(rf"<(\w+)-{first[1]}>\n(.*?)\n</\1-{first[1]}>", re.DOTALL)
    return dict(block.findall(message))


def visible(text: str) -> str:
    """The text as it is shown: no hidden characters, one kind of line end, no control tokens."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _MARKUP.sub(lambda found: f"< {found[0][1:]}", without_hidden(text))


def clip(text: str, max_chars: int) -> str:
    """The text, or its beginning and end with a line between them that says how much is missing."""
    missing = len(text) - max_chars
    if missing <= 0:
        return text
    head = max_chars // 2
    tail = text[len(text) - (max_chars - head) :]
    return f"{text[:head]}\n[... {missing} characters left out ...]\n{tail}"


def after_thinking(text: str) -> str | None:
    """What follows the thoughts a reasoning model writes first; None if they never end."""
    for opening, closing in REASONING:
        if closing in text:
            return text.rpartition(closing)[2].strip()
        if text.lstrip().startswith(opening):
            return None
    return text


def _code(shown: Mapping[str, str]) -> str:
    texts = json.dumps(shown).encode()
    folded = "\n".join(shown.values()).casefold()
    for salt in count():
        digest = hashlib.blake2b(texts, digest_size=_CODE_BYTES, salt=salt.to_bytes(8, "big"))
        if digest.hexdigest() not in folded:
            return digest.hexdigest()
    raise AssertionError("endless")
