r"""Math: is the final answer of a solution the reference answer?

Equality is math-verify's (sympy behind it), which a hostile expression can keep busy for ever; so
it runs in worker processes that can be killed, never in ours.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.answers import clean, find_answer, same_number
from guerdon.rewards.workers import WorkerFailed, Workers
from guerdon.types import Models, Reward, Task

_SCRIPT = Path(__file__).with_name("math_worker.py")
_CACHED = 65_536


@dataclass(frozen=True, kw_only=True)
class Math:
    r"""1 if the final answer equals ``task.answer`` in value, else 0.

    The final answer is the last ``\boxed{}``, else ``#### 72``, else ``the answer is 72``; see
    ``answers.find_answer``. A reference that is a whole solution is read the same way. Equal text
    and plain numbers are compared at once; everything else goes to a worker, once for each
    (reference, answer).

    | Case | Outcome |
    |---|---|
    | no final answer, one that does not parse, one longer than ``max_chars`` | 0 |
    | no reference | ``RewardError`` |
    | a reference that does not parse and is not the very answer | ``unreadable`` |
    | the reference cannot be read in ``limit_s`` | ``RewardError`` |
    | the answer cannot be read and compared in ``limit_s`` and ``memory_mb`` | ``on_timeout`` |

    Args:
        boxed_only: only a box is an answer.
        max_chars: a longer final answer is wrong; a policy that repeats itself writes them.
        limit_s: seconds for one expression, by the clock; then its worker is killed and replaced.
        on_timeout: ``error`` (a ``RewardError``: nobody knows what it was worth) or ``wrong`` (0,
            for a policy that learns to write expressions nobody can check).
        unreadable: ``error`` (a ``RewardError``) or ``text`` (the reference is words, and another
            text is wrong).
        num_workers: processes at most, started when first needed.
        memory_mb: address space of each.
    """

    boxed_only: bool = False
    max_chars: int = 1000
    limit_s: float = 5.0
    on_timeout: Literal["error", "wrong"] = "error"
    unreadable: Literal["error", "text"] = "error"
    num_workers: int = 2
    memory_mb: int = 1024
    _asked: OrderedDict[tuple[str, str], Future[list[str]]] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )
    _pool: list[Workers] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("max_chars", "limit_s", "num_workers", "memory_mb"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"Math: {name} must be above 0, not {getattr(self, name)}")

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        """Score one solution; ``models`` is not used."""
        if task.answer is None or not task.answer.strip():
            raise RewardError(f"task {task.id!r} has no reference answer")
        gold = find_answer(task.answer) or clean(task.answer)
        answer = find_answer(response, boxed_only=self.boxed_only)
        if answer is None:
            return Reward(0.0, note="no final answer found")
        same = True if gold == answer else same_number(gold, answer)
        if same is not None:
            return Reward(float(same), note=f"answer: {_short(answer)}")
        if len(answer) > self.max_chars:
            return Reward(0.0, note=f"answer longer than {self.max_chars} characters")
        return await self._verify(task, gold, answer)

    def gold_response(self, task: Task) -> str | None:
        """The reference answer in a box."""
        if task.answer is None:
            return None
        return rf"\boxed{{{find_answer(task.answer) or clean(task.answer)}}}"

    def close(self) -> None:
        """End the worker processes now; they also end with this object and with our process."""
        while self._pool:
            self._pool.pop().close()
        self._asked.clear()

    async def _verify(self, task: Task, gold: str, answer: str) -> Reward:
        # shielded: one cancelled rollout must not cancel the answer others wait for
        try:
            lines = await asyncio.shield(asyncio.wrap_future(self._ask(gold, answer)))
        except WorkerFailed as error:
            self._asked.pop((gold, answer), None)
            raise RewardError(str(error)) from error
        match lines:
            case ["gold", verdict]:
                note = f"answer: {_short(answer)}"
                note += " (does not parse)" if verdict == "no-answer" else ""
                return Reward(float(verdict == "right"), note=note)
            case ["no-gold", *_] if self.unreadable == "text":
                return Reward(0.0, note=f"another text: {_short(answer)}")
            case ["gold"] if self.on_timeout == "wrong":
                return Reward(0.0, note=f"could not be checked: {_short(answer)}")
            case ["gold"]:
                raise RewardError(
                    f"task {task.id!r}: could not compare {_short(answer)!r} with {_short(gold)!r}"
                    f" in {self.limit_s:g} s and {self.memory_mb} MB"
                )
        what = "does not parse" if lines else f"could not be read in {self.limit_s:g} s"
        raise RewardError(f"task {task.id!r}: reference answer {_short(gold)!r} {what}")

    def _ask(self, gold: str, answer: str) -> Future[list[str]]:
        key = gold, answer
        if key not in self._asked:
            if not self._pool:
                workers = Workers(
                    _SCRIPT,
                    num_workers=self.num_workers,
                    limit_s=self.limit_s,
                    memory_mb=self.memory_mb,
                )
                self._pool.append(workers)
            self._asked[key] = self._pool[0].submit([gold, answer], num_lines=2)
            while len(self._asked) > _CACHED:
                self._asked.popitem(last=False)
        self._asked.move_to_end(key)
        return self._asked[key]


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
