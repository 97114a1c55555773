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
from typing import Literal

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


@dataclass(frozen=True, kw_only=True)
class World:
    """Which questions there are.

    Args:
        max_terms: digits in a question, at most; 2 at least.
        max_digit: the largest of them.
        signs: what stands between them.
    """

    max_terms: int = 3
    max_digit: int = 9
    signs: Literal["+", "+-"] = "+-"

    def __post_init__(self) -> None:
        if self.max_terms < 2 or not 1 <= self.max_digit <= 9:
            raise ConfigError(
                f"arithmetic: max_terms={self.max_terms} must be at least 2, and max_digit="
                f"{self.max_digit} in 1..9"
            )

    @property
    def digits(self) -> str:
        """Those that occur in questions."""
        return "0123456789"[: self.max_digit + 1]

    def value_of(self, question: str) -> int | None:
        """The value of ``7-5+4``; None if this is no question, or its value is no digit."""
        if not _QUESTION.fullmatch(question) or len(question) > 2 * self.max_terms - 1:
            return None
        if any(sign not in self.digits + self.signs for sign in question):
            return None
        value = sum(int(term) for term in _TERM.findall(question))
        return value if 0 <= value <= 9 else None

    def questions(self) -> Iterator[str]:
        """All of them, short ones first."""
        for num_terms in range(2, self.max_terms + 1):
            for digits in itertools.product(self.digits, repeat=num_terms):
                for signs in itertools.product(self.signs, repeat=num_terms - 1):
                    text = digits[0] + "".join(map("".join, zip(signs, digits[1:], strict=True)))
                    if self.value_of(text) is not None:
                        yield text


@dataclass(frozen=True, kw_only=True)
class ArithmeticTasks:
    """Different questions in an order drawn from ``seed``: the first are held out, the next are
    seeds of the pool.

    Args:
        world: which questions there are.
        num_train: seeds.
        num_held_out: questions for evaluation; the same for any ``num_train``.
        seed: decides the order.
    """

    world: World = World()
    num_train: int = 32
    num_held_out: int = 200
    seed: int = 0

    def load(self, count_tokens: CountTokens | None = None) -> TaskSets:
        """Draw the questions.

        Raises:
            ConfigError: there are not so many.
        """
        everyone = list(self.world.questions())
        wanted = self.num_train + self.num_held_out
        if self.num_train < 1 or self.num_held_out < 0 or wanted > len(everyone):
            raise ConfigError(
                f"ArithmeticTasks: num_train={self.num_train} and num_held_out="
                f"{self.num_held_out} must be at least 1 and 0, and there are only "
                f"{len(everyone)} questions"
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
        answer = str(self.world.value_of(text))
        return Task(f"arithmetic/{text}", (prompt,), answer, domain="arithmetic")


@dataclass(frozen=True, kw_only=True)
class ArithmeticTalk:
    """Conversations for the warm-up: what a question and an answer look like, and nothing of what
    is true. Digits and signs of the questions are drawn at random, so that the value of many is no
    digit; an answer is any digit.

    Args:
        wording: as in the environment.
        world: which questions there are.
        num_conversations: half of them proposals, half answers.
        seed: decides the draws.
    """

    wording: Wording
    world: World = World()
    num_conversations: int = 512
    seed: int = 0

    def load(self) -> list[Conversation]:
        """Make them up."""
        draw = random.Random(derive_seed(self.seed, "talk"))
        return [self._talk(draw, is_proposal=i % 2 == 0) for i in range(self.num_conversations)]

    def _talk(self, draw: random.Random, *, is_proposal: bool) -> Conversation:
        terms = [
            draw.choice(self.world.digits) for _ in range(draw.randint(2, self.world.max_terms))
        ]
        text = terms[0] + "".join(draw.choice(self.world.signs) + term for term in terms[1:])
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
        world: which questions there are.
        near: what an answer is worth that is one off, as a share of the scale; 0: nothing.
    """

    world: World = World()
    near: float = 0.0

    def __call__(self, ask: Ask) -> str:
        """The verdict on the texts in a judge's prompt."""
        texts = {name: text for name, _, text in _SEALED.findall(ask.text)}
        asked, response = texts.get("question"), texts["response"]
        value = self.world.value_of(response if asked is None else asked)
        if asked is None or value is None:
            share = float(value is not None)
        else:
            share = self._share(value, response)
        form = ask.body["response_format"]["json_schema"]["schema"]["properties"]["verdict"]
        low, high = form["minimum"], form["maximum"]
        verdict = low + round(share * (high - low))
        return json.dumps({"reason": f"the value is {value}", "verdict": verdict})

    def _share(self, value: int, response: str) -> float:
        """What of the marks a response to a question of this value earns."""
        if response not in tuple("0123456789"):
            return 0.0
        return {0: 1.0, 1: self.near}.get(abs(int(response) - value), 0.0)
