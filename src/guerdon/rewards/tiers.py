"""Five tiers of merit, 1.0, 0.7, 0.4, 0.2 and 0.0: rewards of a workflow's output by its domain.

The tiers are those of a published training guide for workflow-writing policies (`TieredV2` in
`envs.workflow.grades` adds what the workflow's structure costs). ``strict`` mends what is odd in
them, such as 41 counting as nearly 42. Whole functions of text first, then the reward functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.code_check import CodeCheck
from guerdon.rewards.code_tests import CodeTests
from guerdon.rewards.math import Math
from guerdon.types import Models, Reward, RewardFn, Task

_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_BOX = re.compile(r"\\boxed\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
_HASHES = re.compile(r"####\s*(-?\d+\.?\d*)")
_PHRASE = re.compile(
    r"(?:final\s+answer|the\s+answer)(?:\s+is)?:*\s*([-+]?\d+(?:/\d+)?(?:\.\d+)?)", re.IGNORECASE
)
_CODE_WORDS = ("def ", "return ", "import ", "class ", "print(", "for ", "while ", "```")
_FRACTION = re.compile(r"(\d+)/(\d+)")
_SIGNED_FRACTION = re.compile(r"(-?\d+)\s*/\s*(\d+)")
_NUMBER = re.compile(r"-?\d+\.?\d*(?:[eE][+-]?\d+)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_QA_PHRASE = re.compile(r"(?:final answer|the answer is|answer)\s*:*\s*([^\n.]+)", re.IGNORECASE)
_OPTION = re.compile(r"(?:option\s+)?[(\[]?([a-e])[)\].:]*", re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot"
    r"|(?:is|are|was|were|do|does|did|has|have|had|ca|wo|would|could|should)n t)\b"
)
"""In normalised words, where ``isn't`` is ``isn t``."""

MAX_WORDS_OVER = 8
"""strict: an answer that contains the reference may have this many times its words."""


# --- what the answer is --------------------------------------------------------------------------


def math_answer(text: str, *, is_gold: bool = False) -> str:
    """The final answer of a solution, or "": the last ``<answer>``, else the first box without code
    in it, else ``#### n`` (of a reference only), else "final answer is n", else the whole text if
    it holds letters and operators, else the last number, those outside round brackets first."""
    text = text.strip()
    if tags := _TAG.findall(text):
        return str(tags[-1]).strip()
    box = _BOX.search(text)
    if box and box[1].strip() and not any(word in box[1] for word in _CODE_WORDS):
        return box[1].strip()
    if is_gold and (hashes := _HASHES.search(text)):
        return hashes[1]
    if phrase := _PHRASE.search(text):
        return phrase[1]
    if re.search("[a-zA-Z]", text) and re.search(r"[-+*/^]", text):
        return "".join(text.split())
    outside = _NUMBER.findall(re.sub(r"\([^)]*\)", "", text))
    return _fraction_or_last(text, outside or _NUMBER.findall(text))


def qa_answer(text: str) -> str:
    """The answer of a reply, normalised: an option's letter, else what follows "Answer:", else all
    of it."""
    text = text.strip()
    if option := _OPTION.fullmatch(text):
        return option[1].lower()
    if phrase := _QA_PHRASE.search(text):
        return qa_words(phrase[1])
    return qa_words(text)


def qa_words(text: str) -> str:
    """Lower case, punctuation as spaces, single spaces."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.lower()).split())


# --- which tier it reaches -----------------------------------------------------------------------


def math_tier(prediction: str, gold: str, *, is_equal: bool = False, strict: bool = False) -> float:
    """By relative error e = |p - g| / (|g| + 1e-9): 1.0 below 1e-4, 0.7 below 5 %, 0.4 below 50 %,
    0.2 if there is any number, box or answer tag.

    Args:
        prediction, gold: final answers.
        is_equal: a symbolic check found them equal.
        strict: fractions have signs, 1,000 is one number, against 0 the error is absolute, and a
            whole number that is near the whole number asked for is as wrong as others (0.4).
    """
    if not prediction or not gold:
        return 0.0
    if is_equal:
        return 1.0
    p, g = number(prediction, strict=strict), number(gold, strict=strict)
    if p is not None and g is not None:
        error = abs(p - g) / (abs(g) + 1e-9)
        if strict and g == 0:
            error = abs(p)
        if error < 1e-4:
            return 1.0
        if error < 0.05:
            return 0.4 if strict and g == round(g) else 0.7
        if error < 0.5:
            return 0.4
    has_form = re.search(r"\\boxed\{|<answer>|#### |\d", prediction)
    return 0.2 if has_form else 0.0


def number(text: str, *, strict: bool = False) -> float | None:
    """The number an answer is: what float() reads, else its first fraction, else its last number.

    Args:
        strict: otherwise a fraction's sign is lost and 1,000 is 0.
    """
    text = text.strip()
    if strict:
        text = _GROUPED.sub("", text)
    try:
        return float(text)
    except ValueError:
        pass
    fraction = (_SIGNED_FRACTION if strict else _FRACTION).search(text)
    if fraction and float(fraction[2]):
        return float(fraction[1]) / float(fraction[2])
    found = _NUMBER.findall(text)
    return float(found[-1]) if found else None


def qa_tier(prediction: str, gold: str, *, strict: bool = False) -> float:
    """1.0 if equal; 0.7 if the reference stands in the prediction with more than five characters
    besides, or F1 > 0.75; 0.4 for F1 > 0.5; 0.2 for F1 > 0.2. F1 is over sets of words.

    Args:
        prediction, gold: answers; they are normalised here.
        strict: the reference must stand there in whole words, in an answer without negation and at
            most `MAX_WORDS_OVER` times as long.
    """
    p, g = qa_words(prediction), qa_words(gold)
    if not p or not g:
        return 0.0
    if p == g:
        return 1.0
    f1 = _set_f1(set(p.split()), set(g.split()))
    holds = g in p and len(p) > len(g) + 5
    if strict and holds:
        is_short = len(p.split()) <= MAX_WORDS_OVER * len(g.split())
        holds = f" {g} " in f" {p} " and is_short and not _NEGATION.search(p)
    if holds or f1 > 0.75:
        return 0.7
    return 0.4 if f1 > 0.5 else 0.2 if f1 > 0.2 else 0.0


def code_tier(passed: float) -> float:
    """By the share of tests passed: from 0.99, 0.75, 0.5 and 0.2 on."""
    bounds = ((0.99, 1.0), (0.75, 0.7), (0.5, 0.4), (0.2, 0.2))
    return next((tier for bound, tier in bounds if passed >= bound), 0.0)


def _set_f1(prediction: set[str], gold: set[str]) -> float:
    """The small number keeps the value what the published one is, and finite."""
    both = len(prediction & gold)
    precision, recall = both / len(prediction), both / len(gold)
    return 2 * (precision * recall) / (precision + recall + 1e-9)


def _fraction_or_last(text: str, numbers: list[str]) -> str:
    fraction = re.search(r"-?\d+/\d+", text)
    return fraction[0] if fraction else numbers[-1] if numbers else ""


# --- as rewards ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MathTiers:
    """The tier of a math answer against ``task.answer``; see `math_tier`.

    Answers that are not both plain numbers are also compared by ``math``, symbolically.

    Args:
        strict: mend what is odd in the tiers.
        judge: asked only where the rule gives less than 0.7; from 0.5 on its value makes that 0.7.
            Both are in the reward's parts.
        math: what compares symbolically.
    """

    strict: bool = False
    judge: RewardFn | None = None
    math: Math = field(default_factory=Math)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response.

        Raises:
            RewardError: there is no reference, it cannot be read, or the judge failed.
        """
        gold = math_answer(_reference(task), is_gold=True)
        answer = math_answer(response)
        tier = math_tier(answer, gold, strict=self.strict)
        if tier < 1.0 and answer and not (_is_plain(answer) and _is_plain(gold)):
            boxed = replace(task, answer=rf"\boxed{{{gold}}}")
            found = await self.math(boxed, rf"\boxed{{{answer}}}", models)
            tier = math_tier(answer, gold, is_equal=found.value == 1.0, strict=self.strict)
        return await _judged(Reward(tier, note=f"answer: {answer[:100]}"), self.judge, task,
                             response, models)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class QaTiers:
    """The tier of an answer in words; the best over the references, which ``|`` separates.

    Args:
        strict: mend what is odd in the tiers.
        judge: as in `MathTiers`.
    """

    strict: bool = False
    judge: RewardFn | None = None

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response.

        Raises:
            RewardError: there is no reference, or the judge failed.
        """
        answer = qa_answer(response)
        golds = _reference(task).split("|")
        tier = max(qa_tier(answer, gold, strict=self.strict) for gold in golds)
        return await _judged(Reward(tier, note=f"answer: {answer[:100]}"), self.judge, task,
                             response, models)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CodeTiers:
    """The tier of a program by the share of its tests that it passes; see `code_tier`.

    Args:
        tests: runs them; must have ``partial: true``.
    """

    tests: CodeTests | CodeCheck

    def __post_init__(self) -> None:
        if not self.tests.partial:
            raise ConfigError("CodeTiers: tests.partial must be true, for the share is graded")

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response.

        Raises:
            RewardError: the task's tests cannot be read.
            SandboxError: the sandbox failed.
        """
        found = await self.tests(task, response, models)
        return replace(found, value=code_tier(found.value))


async def _judged(
    rule: Reward, judge: RewardFn | None, task: Task, response: str, models: Models
) -> Reward:
    """The rule's tier, lifted to 0.7 where the judge finds the response right."""
    if judge is None or rule.value >= 0.7 or not response.strip():
        return rule
    verdict = await judge(task, response, models)
    parts = {"rule": rule.value, "judge": verdict.value}
    value = 0.7 if verdict.value >= 0.5 else rule.value
    return Reward(value, parts, f"{rule.note}\njudge: {verdict.note}")


def _reference(task: Task) -> str:
    if task.answer is None or not task.answer.strip():
        raise RewardError(f"task {task.id!r} has no reference answer")
    return task.answer


def _is_plain(answer: str) -> bool:
    """Whether it is a number as float() reads it, so that only its value counts."""
    try:
        float(answer)
    except ValueError:
        return False
    return True
