"""Find the final answer in a solution, and compare plain numbers: text only, time linear in the
text.

A policy writes these texts, so nothing here may be slow on a hostile one.
"""

from __future__ import annotations

import re
from decimal import Decimal

_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_HASH = re.compile(r"####([^\n]*)")
_PHRASE = re.compile(
    r"(?:answer[*_]*(?:\s+to\b[^\n.]{0,80}?)?\s?(?:is|:|=)|^A:)[:*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_MATH = re.compile(r"\$\$?([^$]+)\$|\\\(([^\n]*?)\\\)|\\\[([^\n]*?)\\\]")
_LEADING_NUMBER = re.compile(r"([-+]?[\d,]*\.?\d+)\s+(?!hundred|thousand|[mbtr]+illion)[A-Za-z]")
_PLAIN = re.compile(r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(\.\d+)?", re.ASCII)

_LEAD_IN = re.compile(
    r"\b(?:(?:final )?answer|solution)[*_]*(?: is)?\s?[*_]*[:=][*_]*|\banswer is\b|^A:",
    re.IGNORECASE | re.MULTILINE,
)
_END_TOKENS = re.compile(r"(?:\s*(?:</s>|<\|im_end\|>|<\|endoftext\|>|<\|eot_id\|>))+\s*\Z")
_OPEN_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")

MAX_PHRASE = 500
"""Characters after "the answer is" that are looked at."""
MAX_DIGITS = 40
"""Longer numbers are left to the verifier."""


def find_answer(text: str, *, boxed_only: bool = False) -> str | None:
    r"""The final answer a solution states, cleaned; None if it states none.

    The first of these that occurs, and its last occurrence in the text:

    1. ``\boxed{...}`` (or ``\fbox``) that is closed; of nested ones, the innermost;
    2. ``#### ...`` to the end of the line;
    3. ``the answer is ...``, ``Answer: ...`` or a line ``A: ...``, to the end of the sentence. Of a
       sentence with formulas in it, the first formula; of ``18 apples``, the number.

    Args:
        boxed_only: look for a box only.
    """
    answer = _last_box(text)
    if answer is None and not boxed_only:
        if hashes := _HASH.findall(text):
            answer = hashes[-1]
        elif phrases := list(_PHRASE.finditer(text)):
            start = phrases[-1].end()
            answer = _from_phrase(text[start : start + MAX_PHRASE].partition("\n")[0])
    return clean(answer) or None if answer is not None else None


def stated_answer(text: str) -> str | None:
    r"""The answer a response states, as it is written; None if it states none.

    The last closed ``\boxed{...}``, however deep its braces; without any, what follows the last
    lead-in ("Final Answer:", "The answer is", "Solution:" ...) to the end of its line. A box that
    is empty, holds nothing but braces or is never closed is no answer. For rules that compare
    numbers and formulas there is ``find_answer``, which takes the answer out of its sentence, too.

    Args:
        text: the response alone; a prompt that asks for a ``\boxed{}`` would answer itself.
    """
    answer = _last_box(text)
    if answer is None:
        starts = [found.end() for found in _LEAD_IN.finditer(text)]
        if not starts:
            return None
        line = text[starts[-1] :].lstrip(" \t").partition("\n")[0]
        answer = "" if _OPEN_BOX.search(line) else _END_TOKENS.sub("", line)
    answer = answer.strip()
    return answer if answer.strip("{} ") else None


def clean(answer: str) -> str:
    """The same answer without math delimiters, currency signs, bold marks, a final period or spaces
    around it."""
    answer = answer.replace("\\!", "").replace("{,}", ",").replace("\\$", "").replace("$", "")
    answer = " ".join(answer.split()).strip("*_ ")
    if answer.startswith(("\\(", "\\[")) and answer.endswith(("\\)", "\\]")):
        answer = answer[2:-2]
    return answer.rstrip(".").strip()


def same_number(gold: str, answer: str) -> bool | None:
    """Whether two plain numbers (``-1,234.50``) are the same; None if only math-verify can tell.

    It answers only where math-verify must agree: integers compare exactly; decimals, which
    math-verify rounds to six places of a 15-digit float, are the same if equal, and different if
    below 1e8 and more than two units of the sixth place apart. Anything closer is None.
    """
    plain = _PLAIN.fullmatch(gold), _PLAIN.fullmatch(answer)
    if plain[0] is None or plain[1] is None or max(len(gold), len(answer)) > MAX_DIGITS:
        return None
    a, b = Decimal(gold.replace(",", "")), Decimal(answer.replace(",", ""))
    if a == b:
        return True
    integers = plain[0][1] is None and plain[1][1] is None
    apart = max(abs(a), abs(b)) < 10**8 and abs(a - b) > Decimal("2e-6")
    return False if integers or apart else None


def _last_box(text: str) -> str | None:
    """What the last closed box to open holds; one pass over the text."""
    opened: list[int | None] = []  # where each open brace's content starts, if it is a box's
    best: tuple[int, int] | None = None
    for token in _BOX.finditer(text):
        if token[0] == "{":
            opened.append(None)
        elif token[0] == "}":
            start = opened.pop() if opened else None
            if start is not None and (best is None or start > best[0]):
                best = start, token.start()
        elif token[0].endswith("{") and len(token[0]) > 2:
            opened.append(token.end())
    return text[best[0] : best[1]] if best else None


def _from_phrase(phrase: str) -> str:
    formula = _MATH.search(phrase)
    if formula and not re.match(r"\s*\$[\d,.]+(?:\s|$)", phrase):  # "$5 and $6" is money
        return next(group for group in formula.groups() if group is not None)
    sentence = re.split(r"[.!?](?:\s|$)", phrase, maxsplit=1)[0]
    sentence = clean(sentence)
    number = _LEADING_NUMBER.match(sentence)
    return number[1] if number else sentence
