"""ControlTokens: what the template writes is a control token, the same words in a message are text.

The template's own control tokens are encoded under aliases that nobody can write, by a copy of the
tokenizer to which the real ones are plain text. So a rendering is tokenised in one piece, as the
tokenizer itself would do it, and still nothing a message says can end a turn or open another.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer

REASONING = (("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"))
"""Tags around what a model thinks before it answers."""
WRITTEN = re.compile(
    r"<\s?\|[^<>|\n]{1,40}\|>|<\s?/?s>|<\s?(?:start|end)_of_turn>|\[/?INST\]|<<SYS>>"
)
"""What control tokens of chat templates look like in a text, whatever the tokenizer; also with the
space that takes their power."""
_REASONING_TAGS = frozenset(tag for pair in REASONING for tag in pair)


class ControlTokens:
    """Encodes renderings: control tokens the template wrote are tokens, the same words in a
    message are text.

    Control tokens are special tokens the template names and any added token it shows by itself.
    Others, such as reasoning tags, are encoded wherever they stand, as the tokenizer always does.

    Args:
        backend: the tokenizer; it is copied, never changed.
        named: what the template may name.
        shown: what it showed.
    """

    def __init__(self, backend: Tokenizer, named: str, shown: str) -> None:
        nonce = secrets.token_hex(6)  # so that no message can name an alias
        added = backend.get_added_tokens_decoder()
        self.ids = {
            token.content: i
            for i, token in added.items()
            if token.content.strip()
            and (token.content in shown or (token.special and token.content in named))
        }
        """Control tokens of the template, by what they look like."""
        self.sentinel = f"reply{nonce}"
        """A content that stands for a reply in renderings."""
        self._copy = _reading_as_text(backend, set(self.ids))
        aliases = {word: f"alias{nonce}x{i}x" for word, i in self.ids.items()}
        self._copy.add_tokens([_same_kind(added[i], aliases[word]) for word, i in self.ids.items()])
        self._true = {self._copy.token_to_id(aliases[word]): i for word, i in self.ids.items()}
        self._placeholders = {word: f"quote{nonce}x{i}x" for word, i in self.ids.items()}
        plain = {self._placeholders[word]: self._as_text(word) for word in self.ids}
        self._spelling = aliases | plain
        self._controls = _any_of(self.ids)
        self._marks = _any_of(self._spelling)

    def quote(self, content: str) -> str:
        """The content with placeholders for words that look like control tokens.

        Reasoning tags stay: templates look for them in replies, and prompts name them.
        """
        return self._controls.sub(
            lambda found: found[0] if found[0] in _REASONING_TAGS else self._placeholders[found[0]],
            content,
        )

    def leading(self, text: str) -> str | None:
        """The control token ``text`` begins with."""
        found = self._controls.match(text)
        return found[0] if found else None

    def encode(self, rendered: str) -> tuple[int, ...]:
        """Tokens of a rendering whose contents were quoted."""
        text = self._marks.sub(lambda found: self._spelling[found[0]], rendered)
        ids = self._copy.encode(text, add_special_tokens=False).ids
        return tuple(self._true.get(i, i) for i in ids)

    def _as_text(self, word: str) -> str:
        """How to write a control token's name so that it is only text.

        A unigram vocabulary may hold the name itself as a piece; a space inside breaks it.
        """
        ids = self._copy.encode(word, add_special_tokens=False).ids
        return word if self.ids[word] not in ids else f"{word[0]} {word[1:]}"


def _reading_as_text(backend: Tokenizer, words: set[str]) -> Tokenizer:
    """A copy of the tokenizer to which special tokens, and ``words``, are ordinary text."""
    spec = json.loads(backend.to_str())
    for token in spec["added_tokens"]:
        token["special"] = token["special"] or token["content"] in words
    copy = Tokenizer.from_str(json.dumps(spec))
    copy.encode_special_tokens = True
    copy.no_truncation()
    copy.no_padding()
    return copy


def _same_kind(token: AddedToken, content: str) -> AddedToken:
    return AddedToken(
        content,
        single_word=token.single_word,
        lstrip=token.lstrip,
        rstrip=token.rstrip,
        normalized=token.normalized,
        special=False,
    )


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
