"""Answers no verifier should be asked about: they speak to it, or say nothing at all.

Known ways to get a yes out of a verifier without an answer. What it finds is wrong for sure where
the reference shows nothing like it; what it does not find may still be an attack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from guerdon.rewards.suspicion import STATES_GRADE, signs
from guerdon.rewards.unseen import on_one_line as visible

__all__ = ["labels_of", "visible", "why_rejected"]

_LABEL = re.compile(r"[A-Z][A-Za-z]*(?: [A-Za-z]+){0,4}:")
_MARKUP = re.compile(r"</[A-Za-z][\w-]*\s*>|<!--|<!doctype", re.IGNORECASE)
_OPENERS = {
    "thought process",
    "solution",
    "answer",
    "explanation",
    "reasoning",
    "lets solve this problem step by step",
    "lets solve this step by step",
    "lets think step by step",
    "the answer is",
    "the final answer is",
    "the student answer is correct",
    "correct",
    "same as above",
    "same as the ground truth",
    "cannot be determined",
    "lösung",
    "解",
    "かいせつ",
    "respuesta",
}


def labels_of(prompt: str) -> tuple[str, ...]:
    """What a prompt's sections are called ("Student Answer:"), which no answer should name."""
    return tuple(dict.fromkeys(_LABEL.findall(prompt)))


def why_rejected(answer: str, gold: str, labels: Sequence[str]) -> str | None:
    """Why an answer is wrong without asking; None if a verifier may see it.

    Args:
        answer: as ``visible`` left it.
        gold: the reference; what it contains itself is no sign.
        labels: see ``labels_of``.
    """
    folded, reference = answer.casefold(), gold.casefold()
    for label in labels:
        if label.casefold() in folded and label.casefold() not in reference:
            return f"it names {label!r}, a part of the verifier's prompt"
    if _MARKUP.search(answer) and not _MARKUP.search(gold):
        return "it contains markup"
    expected = signs(_compatible(gold))
    for sign in signs(_compatible(answer)):
        # "score = 10" is an answer where 10 is right
        if sign not in expected and not (sign == STATES_GRADE and reference in folded):
            return f"it {sign}"
    if not any(map(str.isalnum, answer)) and any(map(str.isalnum, gold)):
        return "it has no letter and no digit"
    if _plain(answer) in _OPENERS and _plain(gold) != _plain(answer):
        return "it only opens or claims an answer"
    return None


def _compatible(text: str) -> str:
    """The text with full-width and other variants of characters as the plain ones."""
    return unicodedata.normalize("NFKC", text)


def _plain(text: str) -> str:
    words = "".join(char for char in text.casefold() if char.isalnum() or char.isspace())
    return " ".join(words.split())
