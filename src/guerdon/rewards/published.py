r"""The published scores of GSM8K and MATH as AFlow computes them: plain functions of two texts.

Unlike ``Math``, which asks what a solution states as its answer, these look at the last number, or
at the last box, else the last sentence. ``same_expression`` is what they leave to a verifier.
"""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?")
_BOX = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_SENTENCE_END = re.compile(r"(?<!\d)[.!?]\s+")

GSM8K_TOLERANCE = 1e-6
MATH_TOLERANCE = 1e-3


def last_number(text: str) -> float | None:
    """The last number of a text, without its commas."""
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def gsm8k_score(gold: str, response: str) -> float:
    """1 if the last numbers of both texts differ by at most 1e-6, else 0."""
    wanted, given = last_number(gold), last_number(response)
    if wanted is None or given is None:
        return 0.0
    return float(abs(wanted - given) <= GSM8K_TOLERANCE)


def math_answer(text: str) -> str:
    r"""The last ``\boxed{}`` whose braces nest once at most, else the last sentence."""
    boxes = _BOX.findall(text)
    if boxes:
        return str(boxes[-1]).strip()
    sentences = [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]
    return sentences[-1] if sentences else ""


def same_text_or_number(gold: str, answer: str) -> bool | None:
    """Whether two answers of MATH are the same text, or numbers within 1e-3; None: neither tells.

    Numbers may have commas, and a percent sign divides by 100.
    """
    if gold == answer:
        return True
    wanted, given = _number(gold), _number(answer)
    if wanted is not None and given is not None:
        return math.isclose(wanted, given, abs_tol=MATH_TOLERANCE)
    return None


def _number(text: str) -> float | None:
    plain = text.replace(",", "")
    try:
        return float(plain)
    except ValueError:
        if not plain.endswith("%"):
            return None
    try:
        return float(plain[:-1].removesuffix("\\")) / 100
    except ValueError:
        return None
