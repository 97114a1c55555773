"""Characters that a reader cannot see and a model can, for all who show texts of others."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Control, zero-width, direction and tag characters. Joiners stay; some scripts need them."""

_UNSEEN = ("Cc", "Cf", "Co", "Cs")
"""Categories of which an answer on one line needs none: joiners go as well."""


def without_hidden(text: str) -> str:
    """The text as a reader sees it, line by line."""
    return _HIDDEN.sub("", text)


def num_hidden(text: str) -> int:
    """How many characters of the text a reader could not see."""
    return len(_HIDDEN.findall(text.replace("\r", "")))


def on_one_line(text: str) -> str:
    """What can be seen of a text, with single spaces; "" where nothing can."""
    seen = (char for char in text if char.isspace() or unicodedata.category(char) not in _UNSEEN)
    return " ".join("".join(seen).split())
