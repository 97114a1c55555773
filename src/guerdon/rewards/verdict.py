"""Read what a judge said: a verdict, or exactly why there is none. Nothing here guesses.

A reply is read in one of two forms. By tag: what its last ``<verdict-CODE>...</verdict-CODE>``
holds, where CODE is that of the question, so that nothing a judge quotes can be taken for its
verdict. By schema: the whole reply is one JSON object with ``reason`` and ``verdict``. A number
anywhere else, one off the scale, one "out of 10" is no verdict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from guerdon.rewards.sealed import after_thinking

Outcome = Literal["ok", "parse_failure", "truncated", "refused", "transport"]
"""What became of one question to a judge; only ok has a value."""

TAG = "verdict"

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_MAX_REASON = 1000
_MAX_SHOWN = 60


class Unreadable(ValueError):
    """A reply holds no verdict, and why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge decided, and its words before that."""

    value: float
    """A score; of two responses 1 (the first), 0 (the second) or 0.5 (a tie)."""
    ranks: tuple[float, ...] = ()
    """Of several responses: each one's rank, 0 for the best; tied ones share the mean."""
    reason: str = ""


@runtime_checkable
class Form(Protocol):
    """What a verdict must look like."""

    def hint(self) -> str:
        """In words, for the prompt."""
        ...

    def schema(self) -> dict[str, Any]:
        """As JSON schema."""
        ...

    def read(self, raw: object) -> Verdict:
        """The verdict in what a tag holds (text) or JSON says.

        Raises:
            Unreadable: it is not of this form.
        """
        ...


@dataclass(frozen=True, slots=True)
class Score:
    """A number on a scale, whole unless said otherwise."""

    low: float
    high: float
    whole: bool = True

    def hint(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g} to {self.high:g} and nothing else"

    def schema(self) -> dict[str, Any]:
        if self.whole:
            return {"type": "integer", "minimum": int(self.low), "maximum": int(self.high)}
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def read(self, raw: object) -> Verdict:
        if isinstance(raw, str) and not _NUMBER.fullmatch(raw.strip()):
            raise Unreadable(f"{_shown(raw)} is not a number")
        if type(raw) not in (str, int, float):
            raise Unreadable(f"{_shown(raw)} is not a number")
        number = float(raw) if isinstance(raw, str) else raw
        if not self.low <= number <= self.high:  # type: ignore[operator]
            raise Unreadable(f"{_shown(raw)} is off the scale from {self.low:g} to {self.high:g}")
        value = float(number)  # type: ignore[arg-type]
        if self.whole and not value.is_integer():
            raise Unreadable(f"{_shown(raw)} is not a whole number")
        return Verdict(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of two responses is better."""

    ties: bool = True

    def hint(self) -> str:
        tie = " or tie" if self.ties else ""
        return f"{'1, 2' if tie else '1 or 2'}{tie} (the better response) and nothing else"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self._values())}

    def read(self, raw: object) -> Verdict:
        values = self._values()
        word = raw.strip().casefold() if isinstance(raw, str) else raw
        if not isinstance(word, str) or word not in values:
            raise Unreadable(f"{_shown(raw)} is none of {', '.join(values)}")
        return Verdict(values[word])

    def _values(self) -> dict[str, float]:
        return {"1": 1.0, "2": 0.0} | ({"tie": 0.5} if self.ties else {})


@dataclass(frozen=True, slots=True)
class Ranking:
    """All responses from best to worst: ``B > A = C``."""

    labels: Sequence[str]

    def hint(self) -> str:
        example = " > ".join([*self.labels[1:], self.labels[0]])
        return f"all of {', '.join(self.labels)} from best to worst, such as {example} (= for ties)"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "description": self.hint()}

    def read(self, raw: object) -> Verdict:
        if not isinstance(raw, str):
            raise Unreadable(f"{_shown(raw)} is not a ranking")
        tiers = [[label.strip() for label in tier.split("=")] for tier in raw.split(">")]
        named = [label for tier in tiers for label in tier]
        if sorted(named) != sorted(self.labels):
            wanted = ", ".join(self.labels)
            raise Unreadable(f"{_shown(raw)} does not name each of {wanted} once")
        ranks, before = {}, 0
        for tier in tiers:
            ranks |= dict.fromkeys(tier, before + (len(tier) - 1) / 2)
            before += len(tier)
        return Verdict(0.0, tuple(ranks[label] for label in self.labels))


def reply_schema(form: Form) -> dict[str, Any]:
    """The JSON schema of a whole reply; the reason comes first, so that it is thought first."""
    return {
        "type": "object",
        "properties": {"reason": {"type": "string"}, TAG: form.schema()},
        "required": ["reason", TAG],
        "additionalProperties": False,
    }


def read_tag(reply: str, tag: str, form: Form) -> Verdict:
    """The verdict in the last well-formed tag of a reply.

    Raises:
        Unreadable: there is none, another one is begun after it, or what it holds is no verdict.
    """
    said = _said(reply)
    found = list(re.finditer(rf"<{re.escape(tag)}>([^<]*)</{re.escape(tag)}>", said))
    if not found:
        raise Unreadable(f"there is no <{tag}>...</{tag}> in it")
    last = found[-1]
    if f"<{tag}>" in said[last.end() :]:
        raise Unreadable(f"a <{tag}> is begun and not ended")
    return _with_reason(form.read(last[1]), said[: last.start()])


def read_json(reply: str, form: Form) -> Verdict:
    """The verdict of a reply that is one JSON object as ``reply_schema`` says.

    Raises:
        Unreadable: it is not.
    """
    try:
        found = json.loads(_said(reply), object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not one JSON object ({error})") from None
    if not isinstance(found, dict) or set(found) != {"reason", TAG}:
        raise Unreadable(f"it is not an object with reason and {TAG}")
    if isinstance(found[TAG], str) and form.schema()["type"] != "string":
        raise Unreadable(f"{_shown(found[TAG])} is text, not a number")
    return _with_reason(form.read(found[TAG]), str(found["reason"]))


def _said(reply: str) -> str:
    said = after_thinking(reply)
    if said is None:
        raise Unreadable("its thoughts never end")
    return said


def _once_each(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _with_reason(verdict: Verdict, reason: str) -> Verdict:
    return Verdict(verdict.value, verdict.ranks, reason.strip()[-_MAX_REASON:])


def _shown(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
