"""MultipleChoice: did the response choose the right option?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.errors import RewardError
from guerdon.rewards.answers import stated_answer
from guerdon.types import Models, Reward, Task

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BARE = re.compile(r"[(\[]?([A-Za-z])[)\].:]?(?:\s|$)")
_LIST = re.compile(r"[(\[]?[A-Za-z][)\]]?(?:\s*(?:,|;|and|&|\s)\s*[(\[]?[A-Za-z][)\]]?)*\.?")
_WRAPPER = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
_PHRASE = re.compile(
    r"\b(?:answer|option|choice)(?:\s+is)?\s*:?\s*[*_]*[(\[]?([A-Z])\b", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class MultipleChoice:
    """1 if the options the response chooses are those of the reference, else 0.

    The choice is what the response states as its answer (a box, "Answer: ..."), or the whole of a
    response that is nothing else: a letter (``B``, ``(b)``, ``B. Paris``), several (``A, C``; their
    order does not count), or the text of an option. The last "option X" is looked for where nothing
    is stated. A response that chooses nothing, or a letter there is no option for, is wrong.

    The reference, ``task.answer``, is letters or an option's text. Options are a list of texts, a
    mapping from letters to texts, or ARC's ``{"text": [...], "label": [...]}``.

    Args:
        choices_key: where ``task.info`` has the options. Without them only letters are understood.
    """

    choices_key: str = "choices"

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response; ``models`` is not used.

        Raises:
            RewardError: there is no reference, or it names no option.
        """
        options = _options(task.info.get(self.choices_key))
        gold = _letters(task.answer or "", options)
        if not gold:
            raise RewardError(
                f"task {task.id!r}: the reference {task.answer!r} is no letter or text of an "
                f"option (options: {', '.join(options) or 'none'})"
            )
        chosen = self._choice(response, options)
        shown = ", ".join(sorted(chosen)) or "nothing"
        return Reward(float(chosen == gold), note=f"chose {shown}")

    def gold_response(self, task: Task) -> str | None:
        """The reference answer in a box."""
        return None if task.answer is None else rf"\boxed{{{task.answer}}}"

    def _choice(self, response: str, options: Mapping[str, str]) -> frozenset[str]:
        stated = stated_answer(response)
        chosen = _letters(response.strip() if stated is None else stated, options)
        if chosen or stated is not None:
            return chosen
        found = _PHRASE.findall(response)
        return _known(found[-1], options) if found else frozenset()


def _options(given: Any) -> dict[str, str]:
    """Letters and texts of the options."""
    if isinstance(given, Mapping) and isinstance(given.get("text"), list):
        labels = given.get("label") or _LETTERS
        return {str(k).upper(): str(v) for k, v in zip(labels, given["text"], strict=False)}
    if isinstance(given, Mapping):
        return {str(letter).upper(): str(text) for letter, text in given.items()}
    if isinstance(given, list | tuple):
        return dict(zip(_LETTERS, map(str, given), strict=False))
    return {}


def _letters(text: str, options: Mapping[str, str]) -> frozenset[str]:
    """The options a short text names; empty if it names none."""
    text = _WRAPPER.sub(r"\1", text).strip(" *_$\n")
    same = [letter for letter, option in options.items() if _plain(option) == _plain(text)]
    if same:
        return frozenset(same)
    if text.upper() in options:  # labels need not be letters
        return frozenset((text.upper(),))
    if _LIST.fullmatch(text):
        letters = re.findall(r"\b[A-Za-z]\b", text)
        return _known("".join(letters), options)
    if text.isupper() and len(text) <= len(options) and len(set(text)) == len(text):
        return _known(text, options)  # "AC"
    first = _BARE.match(text)
    if first and (not options or _plain(text[first.end() :]) == _option(first[1], options)):
        return _known(first[1], options)
    return frozenset()


def _known(letters: str, options: Mapping[str, str]) -> frozenset[str]:
    chosen = frozenset(letters.upper())
    return chosen if not options or chosen <= options.keys() else frozenset()


def _option(letter: str, options: Mapping[str, str]) -> str | None:
    text = options.get(letter.upper())
    return None if text is None else _plain(text)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .")
