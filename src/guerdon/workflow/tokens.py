"""Words of the compact form, with their places, so that expressions can be cut out whole."""

from __future__ import annotations

import re
from dataclasses import dataclass

from guerdon.workflow.expressions import MAX_TEXT_CHARS
from guerdon.workflow.findings import Refused

_STRING = r"""[fF]?(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_TOKEN = re.compile(
    rf"(?P<space>[ \t\r]+|\#[^\n]*)|(?P<end>[\n;])|(?P<string>{_STRING})|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<mark>->|:=|==|!=|<=|>=|[-+*/%<>=(){}\[\],.:?])",
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a mark, or the end of a statement."""

    kind: str
    text: str
    start: int
    end: int
    line: int


class Tokens:
    """The words of a text, read one after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._items = _split(text)
        self._at = 0

    @property
    def next(self) -> Token:
        """The next word, which stays."""
        return self._items[self._at]

    @property
    def line(self) -> int:
        """Where the next word is."""
        return self.next.line

    def take(self) -> Token:
        """The next word."""
        token = self.next
        self._at += token.kind != "stop"
        return token

    def skip(self, *texts: str) -> bool:
        """Take the next word if it is one of these."""
        found = self.next.text in texts and self.next.kind in ("word", "mark")
        if found:
            self._at += 1
        return found

    def want(self, text: str) -> None:
        """Take this mark.

        Raises:
            Refused: something else is next.
        """
        if not self.skip(text):
            shown = self.next.text.strip() or "the end of the statement"
            raise Refused("E101", self.line, f"expected {text!r}, found {shown[:40]!r}")

    def name(self) -> str:
        """A name."""
        token = self.take()
        if token.kind != "word":
            raise Refused("E101", token.line, f"expected a name, found {token.text[:40]!r}")
        return token.text

    def number(self) -> int:
        """A whole number."""
        token = self.take()
        if not token.text.isdigit() or len(token.text) > 9:
            raise Refused("E101", token.line, f"expected a whole number, found {token.text[:40]!r}")
        return int(token.text)

    def ends(self) -> None:
        """Pass over ends of statements."""
        while self.next.kind == "end":
            self._at += 1

    def ahead(self, offset: int) -> Token:
        """A later word."""
        return self._items[min(self._at + offset, len(self._items) - 1)]

    def cut(self, *stops: str) -> str:
        """The text up to one of ``stops`` outside brackets, or to the end of the statement."""
        start, depth, last = self.next.start, 0, self.next.start
        while True:
            token = self.next
            is_over = token.kind == "stop" or (token.kind == "end" and depth == 0)
            is_stop = token.kind in ("word", "mark") and token.text in stops
            if is_over or (depth == 0 and (is_stop or token.text in (")", "]"))):
                return self.text[start:last]
            if token.kind == "mark":
                depth += (token.text in "([") - (token.text in ")]")
            last = token.end
            self._at += 1


def _split(text: str) -> list[Token]:
    if len(text) > MAX_TEXT_CHARS:
        raise Refused("E101", 0, f"{len(text)} characters; at most {MAX_TEXT_CHARS} are read")
    tokens, at, line = [], 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Refused("E101", line, f"cannot read {text[at : at + 10]!r}")
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match[0], at, match.end(), line))
        line += match[0].count("\n")
        at = match.end()
    return [*tokens, Token("stop", "", at, at, line)]
