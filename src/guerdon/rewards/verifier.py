"""Verifier: a small language model says whether an answer is equivalent to the reference.

The default prompt, and how its verdict is read, are the contract of TIGER-Lab/general-verifier;
other verifiers are the same class with other fields (``conf/verifier/``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from guerdon.chat import ask, complete
from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.answers import stated_answer
from guerdon.rewards.guard import labels_of, visible, why_rejected
from guerdon.rewards.lengths import count_tokens, load_tokenizer
from guerdon.rewards.likelihood import probability_of_yes
from guerdon.rewards.sealed import clip
from guerdon.types import Completion, Message, Model, Models, Reward, Task

GENERAL_VERIFIER = (
    "User: ### Question: {question}\n\n"
    "### Ground Truth Answer: {ground_truth}\n\n"
    "### Student Answer: {student_answer}\n\n"
    "For the above question, please verify if the student's answer is equivalent to the ground "
    "truth answer.\n"
    "Do not solve the question by yourself; just check if the student's answer is equivalent to "
    "the ground truth answer.\n"
    "If the student's answer is correct, output \"Final Decision: Yes\". If the student's answer "
    'is incorrect, output "Final Decision: No". Assistant:'
)
"""Sent as it is, to be continued: no chat template, and no space at the end."""

_FIELD = re.compile(r"\{(question|ground_truth|student_answer)\}")
_NO_ANSWER = "No Answer"
"""What a missing answer counts as where lengths are compared."""


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """``correct`` if the verifier says yes, ``wrong`` if it says no, ``missing`` without an answer.

    Only the answer a response states is shown (``answers.stated_answer``: the last box, or after
    "Answer:"), with ``task.info``'s question, or else the last user message. With ``length_coef``
    an answer of another length than the reference loses some of a yes:

        correct - length_coef * min(length_cap, |tokens(answer) - tokens(reference)|)

    ``Reward.parts`` has, as 0 or 1: ``yes`` (what the verifier said, before any shaping),
    ``missing``, ``rejected``, ``unparsed``, ``clipped``.

    Args:
        model: which of `models` is the verifier; sample it at temperature 0.
        prompt: with ``{question}``, ``{ground_truth}`` and ``{student_answer}``.
        raw: the prompt is a text to be continued; False: it is a user message.
        system: a system message before it; not with ``raw``.
        decision: a regular expression whose group is the verdict; its last match counts.
        yes, no: verdicts, in any case of letters. Any other is no verdict.
        correct, wrong, missing: what they are worth.
        ask_missing: ask about a missing answer too, as "None": a yes is added to ``missing``.
        length_coef, length_cap: see above; 0: lengths do not count.
        tokenizer: whose tokens they are: the verifier's model directory or hub name.
        unparsed: what a reply without a verdict is: ``error`` (a ``RewardError``) or ``wrong``.
        guard: an answer that names parts of the prompt, holds control tokens or markup, or has no
            letter or digit is wrong, and not shown (``guard.why_rejected``); of others only what
            can be seen is shown, on one line. False: everything is shown as it is.
        max_question_chars: of a longer question the middle is left out, and counted.
        max_answer_chars: a longer answer is wrong, and not shown.
        soft: a verdict is worth what lies between ``correct`` and ``wrong`` at the probability of a
            yes where the reply decides; see `likelihood`. In process, or behind a server that
            gives log-probabilities; of temperature 1, whatever is sampled at.
        top_logprobs: with ``soft``: of how many tokens. OpenAI's raw completions give 5, chats 20.
    """

    model: str = "verifier"
    prompt: str = GENERAL_VERIFIER
    raw: bool = True
    system: str | None = None
    decision: str = r"Final Decision:\W*(\w+)"
    yes: Sequence[str] = ("yes", "true")
    no: Sequence[str] = ("no", "false")
    correct: float = 1.0
    wrong: float = 0.0
    missing: float = 0.0
    ask_missing: bool = False
    length_coef: float = 0.0
    length_cap: int = 10
    tokenizer: str | None = None
    unparsed: Literal["error", "wrong"] = "error"
    guard: bool = True
    max_question_chars: int = 8000
    max_answer_chars: int = 1000
    soft: bool = False
    top_logprobs: int = 5

    def __post_init__(self) -> None:
        problems = []
        fields = set(_FIELD.findall(self.prompt))
        for needed in ("ground_truth", "student_answer"):
            if needed not in fields:
                problems.append(f"Verifier: prompt must contain {{{needed}}}")
        if self.raw and self.system is not None:
            problems.append("Verifier: system needs raw: false; a raw prompt has no messages")
        try:
            if re.compile(self.decision).groups != 1:
                problems.append(f"Verifier: decision {self.decision!r} must have one group")
        except re.error as error:
            problems.append(f"Verifier: decision {self.decision!r} is not valid: {error}")
        if both := {word.casefold() for word in self.yes} & {word.casefold() for word in self.no}:
            problems.append(f"Verifier: {sorted(both)} are in yes and in no; drop one")
        if self.length_coef and self.tokenizer is None:
            problems.append(
                "Verifier: length_coef needs tokenizer, the verifier's model directory or hub name"
            )
        if min(self.max_question_chars, self.max_answer_chars) < 1:
            problems.append("Verifier: max_question_chars and max_answer_chars must be above 0")
        if not 2 <= self.top_logprobs <= 20:
            problems.append(f"Verifier: top_logprobs must be from 2 to 20, got {self.top_logprobs}")
        if problems:
            raise ConfigError(problems)

    def problems(self) -> list[str]:
        """Whether the tokenizer can be read; [] if it can, or none is needed."""
        try:
            if self.tokenizer is not None:
                load_tokenizer(self.tokenizer)
        except ConfigError as error:
            return error.problems
        return []

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one response.

        Raises:
            RewardError: there is no reference, or the verifier gave no verdict.
            EngineError: the verifier cannot answer.
        """
        gold = (task.answer or "").strip()
        if not gold:
            raise RewardError(f"task {task.id!r} has no reference answer")
        stated = stated_answer(response)
        if stated is None and not self.ask_missing:
            return Reward(self.missing, _parts(missing=True), note="states no answer")
        answer = "None" if stated is None else visible(stated) if self.guard else stated
        if (why := self._why_rejected(answer, gold)) is not None:
            return Reward(self.wrong, _parts(rejected=True), note=f"not shown: {why}")
        return await self._verified(task, gold, stated, answer, models)

    def gold_response(self, task: Task) -> str | None:
        """The reference answer in a box."""
        return None if task.answer is None else rf"\boxed{{{task.answer}}}"

    async def _verified(
        self, task: Task, gold: str, stated: str | None, answer: str, models: Models
    ) -> Reward:
        """What the verifier says, shaped."""
        model = models[self.model]
        question = question_of(task)
        clipped = clip(question, self.max_question_chars)
        values = {"question": clipped, "ground_truth": gold, "student_answer": answer}
        prompt = _FIELD.sub(lambda found: values[found[1]], self.prompt)
        reply = await self._ask(model, prompt)
        yes = self._read(task, reply)
        probability = float(yes or 0.0)
        if self.soft and yes is not None:
            probability = self._probability(task, reply)
        parts = _parts(
            yes=bool(yes), missing=stated is None, unparsed=yes is None, clipped=clipped != question
        )
        value = self.missing if stated is None else 0.0
        if yes or (self.soft and yes is not None):
            earned = self.correct - self._length_penalty(stated, gold)
            value += probability * earned + (1 - probability) * self.wrong
        elif stated is not None:
            value += self.wrong
        shown = reply.text.strip()[-200:]
        return Reward(value, parts, note=f"answer: {answer[:100]}\n{shown}")

    def _why_rejected(self, answer: str, gold: str) -> str | None:
        if len(answer) > self.max_answer_chars:
            return f"it is longer than {self.max_answer_chars} characters"
        if not self.guard:
            return None
        return why_rejected(answer, gold, labels_of(_FIELD.sub("", self.prompt)))

    async def _ask(self, model: Model, prompt: str) -> Completion:
        if self.soft:
            sampling = replace(model.sampling, top_logprobs=self.top_logprobs)
            model = replace(model, sampling=sampling)
        if self.raw:
            return await complete(model, prompt)
        messages: list[Message] = [{"role": "user", "content": prompt}]
        if self.system is not None:
            messages.insert(0, {"role": "system", "content": self.system})
        return await ask(model, messages)

    def _read(self, task: Task, reply: Completion) -> bool | None:
        """The last verdict in a reply; None: there is none."""
        if not reply.text and reply.finish_reason == "length":
            raise RewardError(
                f"task {task.id!r}: the prompt fills the context of {self.model!r}; lower "
                f"max_question_chars ({self.max_question_chars})"
            )
        found = list(re.finditer(self.decision, reply.text, re.IGNORECASE))
        word = found[-1][1].casefold() if found else ""
        for verdict, words in ((True, self.yes), (False, self.no)):
            if word in map(str.casefold, words):
                return verdict
        if self.unparsed == "wrong":
            return None
        cut = ", which was cut; raise its max_tokens" if reply.finish_reason == "length" else ""
        raise RewardError(
            f"task {task.id!r}: no verdict in the reply of {self.model!r}{cut}: "
            f"{reply.text.strip()[-100:]!r}"
        )

    def _probability(self, task: Task, reply: Completion) -> float:
        """The probability of a yes where a reply decides."""
        if not reply.places:
            raise ConfigError(
                f"Verifier: soft needs log-probabilities, which the engine of models.{self.model} "
                f"does not give; use a NativeEngine or a RemoteEngine, or soft: false"
            )
        try:
            return probability_of_yes(reply.places, self.decision, self.yes, self.no)
        except RewardError as error:
            raise RewardError(f"task {task.id!r}, {self.model!r}: {error}") from None

    def _length_penalty(self, stated: str | None, gold: str) -> float:
        if not self.length_coef:
            return 0.0
        assert self.tokenizer is not None
        said = count_tokens(_NO_ANSWER if stated is None else stated, self.tokenizer)
        apart = abs(said - count_tokens(gold, self.tokenizer))
        return self.length_coef * min(self.length_cap, apart)


def question_of(task: Task) -> str:
    """The question without instructions: verl's ``extra_info.question``, or ``question``; else the
    last user message."""
    extra = task.info.get("extra_info")
    for found in (
        extra.get("question") if isinstance(extra, dict) else None,
        task.info.get("question"),
    ):
        if isinstance(found, str) and found.strip():
            return found
    asked = [message["content"] for message in task.prompt if message["role"] == "user"]
    return asked[-1] if asked else ""


def _parts(
    *,
    yes: bool = False,
    missing: bool = False,
    rejected: bool = False,
    unparsed: bool = False,
    clipped: bool = False,
) -> dict[str, float]:
    named = {"yes": yes, "missing": missing, "rejected": rejected}
    named |= {"unparsed": unparsed, "clipped": clipped}
    return {name: float(value) for name, value in named.items()}
