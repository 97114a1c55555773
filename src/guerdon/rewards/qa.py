"""QA: does a response give a reference answer, by exact match or F1 of its words?

Three normalisations, each as its data set's own scorer has it, so that numbers can be compared.
"""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.answers import stated_answer
from guerdon.types import Models, Reward, Task

Style = Literal["squad", "hotpotqa", "drop"]

UNANSWERABLE = ("", "unanswerable", "no answer", "noanswer", "not answerable", "none")
"""What a response says when it says that there is no answer."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_POLAR = ("yes", "no", "noanswer")
_SPANS = re.compile(r"\s*(?:;|\n|,(?!\d)|\band\b)\s*")
_MAX_SPANS = 12
"""References with more parts than this are not compared part by part."""
_MAX_SAID = 50


@dataclass(frozen=True, kw_only=True)
class QA:
    """How well a short answer agrees with the best of its references, in [0, 1].

    References are ``task.info[answers_key]`` (a list of texts; for DROP also of lists of spans),
    else ``task.answer``. The best of them counts. A task whose info says ``is_impossible``, or
    whose only reference is empty, is answered by saying so (``unanswerable``). ``Reward.parts`` has
    every metric, whichever is the value.

    | Style | Normalisation and F1 |
    |---|---|
    | squad | lower case, no punctuation, no articles; F1 of the words with their counts |
    | hotpotqa | the same; yes, no and noanswer agree with themselves only |
    | drop | words split at hyphens, numbers compared as numbers; several spans are matched one to
      one; no F1 where the reference has numbers and the response none of them |

    Args:
        metric: ``f1``; ``em`` (equal after normalising); ``contains`` (the response says a
            reference among other words: for long responses; easy to game, so not to train on).
        style: whose normalisation.
        find: ``response``: all of it is the answer; ``answer``: what it states as its answer (a
            box, or after "Answer:"), and a response that states none is wrong.
        separator: what stands between references in ``task.answer`` ("|" in AFlow's DROP, "/" in
            EVOUNA); None: it is one reference.
        answers_key: where ``task.info`` lists the references.
        unanswerable: words that say that there is no answer.

    Source: Rajpurkar et al. 2016 (arXiv:1606.05250), Yang et al. 2018 (arXiv:1809.09600), Dua et
        al. 2019 (arXiv:1903.00161), and their published scorers.
    """

    metric: Literal["f1", "em", "contains"] = "f1"
    style: Style = "squad"
    find: Literal["response", "answer"] = "response"
    separator: str | None = None
    answers_key: str = "answers"
    unanswerable: Sequence[str] = UNANSWERABLE

    def __post_init__(self) -> None:
        if self.separator == "":
            raise ConfigError('QA: separator is ""; give a character such as "|", or null')

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Compare one response; ``models`` is not used."""
        golds = self._references(task)
        said = stated_answer(response) if self.find == "answer" else response.strip()
        if said is None:
            return Reward(0.0, _parts(0.0, 0.0, 0.0), note="states no answer")
        if golds == [()]:
            says_so = float(_normalise(said, "squad") in map(_squad, self.unanswerable))
            return Reward(says_so, _parts(says_so, says_so, says_so), note="has no answer")
        scores = [self._score(said, gold) for gold in golds]
        parts = {name: max(score[name] for score in scores) for name in scores[0]}
        return Reward(parts[self.metric], parts, note=f"answer: {said[:100]}")

    def gold_response(self, task: Task) -> str | None:
        """The first reference, in a box if that is looked for."""
        first = ", ".join(self._references(task)[0]) or next(iter(filter(None, self.unanswerable)))
        return rf"\boxed{{{first}}}" if self.find == "answer" else first

    def _references(self, task: Task) -> list[tuple[str, ...]]:
        """The references, each as its spans; ``[()]``: there is no answer."""
        given = task.info.get(self.answers_key)
        if task.info.get("is_impossible") or given == []:
            return [()]
        if given is None:
            given = self._split(task.answer)
        golds = [_spans_of(one) for one in (given if isinstance(given, list) else [given])]
        if not golds or any(gold is None for gold in golds):
            raise RewardError(
                f"task {task.id!r} has no reference answer that is a text: {str(given)[:100]!r}"
            )
        found = [gold for gold in golds if gold is not None and any(map(str.strip, gold))]
        return found or [()]

    def _split(self, answer: str | None) -> Any:
        if answer is None:
            return None
        if self.separator is not None:
            return answer.split(self.separator)
        if answer.startswith('["'):  # how a row's list of answers becomes a task's answer
            try:
                return json.loads(answer)
            except ValueError:
                return answer
        return answer

    def _score(self, said: str, gold: tuple[str, ...]) -> dict[str, float]:
        if self.style == "drop":
            em, f1 = _drop(said, gold)
        else:
            em, f1 = _squad_score(said, " ".join(gold), self.style)
        whole = f" {_normalise(said, self.style)} "
        contains = all(f" {_normalise(span, self.style)} " in whole for span in gold)
        return _parts(em, f1, float(contains))


def _parts(em: float, f1: float, contains: float) -> dict[str, float]:
    return {"em": em, "f1": f1, "contains": contains}


def _spans_of(given: Any) -> tuple[str, ...] | None:
    if isinstance(given, str):
        return (given,)
    if isinstance(given, list | tuple) and given and all(isinstance(one, str) for one in given):
        return tuple(given)
    if isinstance(given, Mapping) and isinstance(given.get("spans"), list):
        return _spans_of(given["spans"])
    return None


# --- SQuAD and HotpotQA --------------------------------------------------------------------------


def _squad(text: str) -> str:
    text = _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION))
    return " ".join(text.split())


def _normalise(text: str, style: Style) -> str:
    return _drop_words(text) if style == "drop" else _squad(text)


def _squad_score(said: str, gold: str, style: Style) -> tuple[float, float]:
    """(exact match, F1) after SQuAD's normalisation."""
    ours, theirs = _squad(said), _squad(gold)
    same = float(ours == theirs)
    words, wanted = ours.split(), theirs.split()
    if not words or not wanted or (style == "hotpotqa" and not {ours, theirs}.isdisjoint(_POLAR)):
        return same, same
    common = (Counter(words) & Counter(wanted)).total()
    return same, 2 * common / (len(words) + len(wanted))


# --- DROP ----------------------------------------------------------------------------------------


def _drop_words(text: str) -> str:
    words = (_drop_word(word) for word in re.split(r"[ \-]", text))
    return " ".join(word for word in words if word)


def _drop_word(word: str) -> str:
    """Lower case, no punctuation unless it is a number, numbers as floats, no articles."""
    word = word.lower()
    if _number(word) is None:
        word = word.translate(_NO_PUNCTUATION)
    number = _number(word)
    if number is not None:
        return str(number)
    return " ".join(_ARTICLES.sub(" ", word).split())


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _drop(said: str, gold: tuple[str, ...]) -> tuple[float, float]:
    """(exact match, F1) of a response and one reference of one span or several."""
    spans = [span for span in _SPANS.split(said) if span] if len(gold) > 1 else [said]
    ours, theirs = [_drop_words(span) for span in spans], [_drop_words(span) for span in gold]
    em = float(len(ours) == len(theirs) and set(ours) == set(theirs))
    if len(theirs) > _MAX_SPANS:
        ours, theirs = [" ".join(ours)], [" ".join(theirs)]
    bags = [frozenset(span.split()) for span in ours]
    wanted = [frozenset(span.split()) for span in theirs]
    best = _best_pairing([[_bag_f1(bag, gold) for gold in wanted] for bag in bags[:_MAX_SAID]])
    return em, round(best / max(len(bags), len(wanted), 1), 2)


def _bag_f1(bag: frozenset[str], gold: frozenset[str]) -> float:
    if not gold:
        return float(not bag)
    numbers = {word for word in gold if _number(word) is not None}
    if numbers and numbers.isdisjoint(bag):
        return 0.0
    common = len(bag & gold)
    return 2 * common / (len(bag) + len(gold)) if common else 0.0


def _best_pairing(scores: Sequence[Sequence[float]]) -> float:
    """The largest sum over pairs, each row and each column used at most once."""
    best = {0: 0.0}  # by the set of columns used
    for row in scores:
        grown = dict(best)
        for used, total in best.items():
            for column, score in enumerate(row):
                taken = used | 1 << column
                if taken != used and total + score > grown.get(taken, -1.0):
                    grown[taken] = total + score
        best = grown
    return max(best.values())
