"""Arithmetic with digits: a world where self-play can be watched from start to end in minutes.

A question is digits with + or - between them whose value is a digit again: ``7-5+4``. The seeds,
the words of a warm-up and the judge that grades by computing are all here; none of them evaluates
anything but such text.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from guerdon.envs.self_play.wording import Wording
from guerdon.errors import ConfigError
from guerdon.llm.asks import Ask
from guerdon.tasks import CountTokens, TaskSets
from guerdon.types import Message, Task, derive_seed

Conversation = tuple[Message, ...]

_QUESTION = re.compile(r"\d(?:[+-]\d)+", re.ASCII)
_TERM = re.compile(r"[+-]?\d", re.ASCII)
_SEALED = re.compile(r"<(\w+)-([0-9a-f]{8})>\n(.*?)\n</\1-\2>", re.DOTALL)
"""How a judge's prompt holds the texts of others; see `rewards.sealed`."""


def value_of(question: str, max_terms: int) -> int | None:
    """The value of ``7-5+4``; None if this is no question of 2 to ``max_terms`` digits, or its
    value is no digit."""
    if not _QUESTION.fullmatch(question) or len(question) > 2 * max_terms - 1:
        return None
    value = sum(int(term) for term in _TERM.findall(question))
    return value if 0 <= value <= 9 else None


def questions(max_terms: int) -> Iterator[str]:
    """All of them, short ones first."""
    for num_terms in range(2, max_terms + 1):
        for digits in itertools.product("0123456789", repeat=num_terms):
            for signs in itertools.product("+-", repeat=num_terms - 1):
                text = digits[0] + "".join(map("".join, zip(signs, digits[1:], strict=True)))
                if value_of(text, max_terms) is not None:
                    yield text


@dataclass(frozen=True, kw_only=True)
class ArithmeticTasks:
    """Different questions in an order drawn from ``seed``: the first are held out, the next are
    seeds of the pool.

    Args:
        max_terms: digits in a question, at most.
        num_train: seeds.
        num_held_out: questions for evaluation; the same for any ``num_train``.
        seed: decides the order.
    """

    max_terms: int = 3
    num_train: int = 32
    num_held_out: int = 200
    seed: int = 0

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Draw the questions.

        Raises:
            ConfigError: there are not so many.
        """
        everyone = list(questions(self.max_terms))
        wanted = self.num_train + self.num_held_out
        if self.num_train < 1 or self.num_held_out < 0 or wanted > len(everyone):
            raise ConfigError(
                f"ArithmeticTasks: num_train={self.num_train} and num_held_out="
                f"{self.num_held_out} must be at least 1 and 0, and there are only "
                f"{len(everyone)} questions of {self.max_terms} digits or fewer"
            )
        everyone.sort(key=lambda text: derive_seed(self.seed, "arithmetic", text))
        tasks = [self._task(text) for text in everyone[:wanted]]
        held_out, train = tasks[: self.num_held_out], tasks[self.num_held_out :]
        return TaskSets(train=tuple(train), held_out=tuple(held_out))

    def baselines(self) -> dict[str, float]:
        """Success of answering without reading the question."""
        answers = Counter(task.answer for task in self.load().held_out)
        if not answers:
            return {}
        commonest, count = answers.most_common(1)[0]
        return {
            "any digit": 0.1,
            f"always {commonest}": count / sum(answers.values()),
        }

    def _task(self, text: str) -> Task:
        prompt: Message = {"role": "user", "content": text}
        answer = str(value_of(text, self.max_terms))
        return Task(f"arithmetic/{text}", (prompt,), answer, domain="arithmetic")


@dataclass(frozen=True, kw_only=True)
class ArithmeticTalk:
    """Conversations for the warm-up: what a question and an answer look like, and nothing of what
    is true. Digits and signs of the questions are drawn at random, so that the value of many is no
    digit; an answer is any digit.

    Args:
        wording: as in the environment.
        max_terms: digits in a question, at most.
        num_conversations: half of them proposals, half answers.
        seed: decides the draws.
    """

    wording: Wording
    max_terms: int = 3
    num_conversations: int = 512
    seed: int = 0

    def load(self) -> list[Conversation]:
        """Make them up."""
        draw = random.Random(derive_seed(self.seed, "talk"))
        return [self._talk(draw, is_proposal=i % 2 == 0) for i in range(self.num_conversations)]

    def _talk(self, draw: random.Random, *, is_proposal: bool) -> Conversation:
        terms = [draw.choice("0123456789") for _ in range(draw.randint(2, self.max_terms))]
        text = terms[0] + "".join(draw.choice("+-") + term for term in terms[1:])
        if is_proposal:
            tag = self.wording.question_tag
            said = text if tag is None else f"<{tag}>{text}</{tag}>"
            return (*self.wording.proposer_prompt(), {"role": "assistant", "content": said})
        asked: Message = {"role": "user", "content": text}
        prompt = self.wording.solver_prompt(Task(text, (asked,)))
        return (*prompt, {"role": "assistant", "content": draw.choice("0123456789")})


@dataclass(frozen=True, kw_only=True)
class ArithmeticJudge:
    """What the model behind a `guerdon.rewards.judge.Judge` says, by computing: full marks for a
    question of this world (a rubric that shows a response alone) and for the value of one (a rubric
    that shows the question), the lowest mark for anything else.

    It is asked as any judge is, and replies in the JSON it is asked for.

    Args:
        max_terms: digits in a question, at most.
    """

    max_terms: int = 3

    def __call__(self, ask: Ask) -> str:
        """The verdict on the texts in a judge's prompt."""
        texts = {name: text for name, _, text in _SEALED.findall(ask.text)}
        asked, response = texts.get("question"), texts["response"]
        value = value_of(response if asked is None else asked, self.max_terms)
        good = value is not None and (asked is None or response == str(value))
        form = ask.body["response_format"]["json_schema"]["schema"]["properties"]["verdict"]
        reason = f"the value is {value}"
        return json.dumps({"reason": reason, "verdict": form["maximum" if good else "minimum"]})
