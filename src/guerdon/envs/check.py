"""check_env: does an environment keep its promises? Every one that it breaks is a sentence."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np

from guerdon.envs.calls import Calls, numbers
from guerdon.envs.game import Game, actions_of, offers, snapshot_of
from guerdon.envs.players import Mechanical, Scene
from guerdon.envs.steps import StepEnv
from guerdon.errors import GuerdonError
from guerdon.types import Task, derive_seed


@dataclass(frozen=True, slots=True)
class Moment:
    """All that can be seen of a game after one call."""

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    numbers: tuple[tuple[str, float], ...]
    anchor: str | None
    action: str = ""


def check_env(
    env: StepEnv | Game, tasks: Sequence[Task], *, num_tasks: int = 5, oracle_solves: bool = True
) -> list[str]:
    """What is wrong with an environment; empty: nothing that could be found.

    It plays ``num_tasks`` tasks at random, several times each: the start depends on the task
    alone; equal seeds and actions give equal games, whatever is played meanwhile and wherever the
    global random generators are; types are right; ``success`` is there from the start, is 0 or 1
    and comes only with termination; copies and snapshots go on alike; equal plays have equal
    anchors; random players survive; and, where there is an oracle, it succeeds.

    Args:
        env: an environment, or a game.
        tasks: what to play.
        num_tasks: the first so many of them.
        oracle_solves: whether ``oracle()`` must reach ``success``; False where chance decides.
    """
    if not isinstance(env, StepEnv):
        env = StepEnv(game=env)
    if not tasks:
        return ["there are no tasks to play"]
    work = _Check(env, oracle_solves).run(tasks[:num_tasks])
    with ThreadPoolExecutor(1) as thread:  # works inside a running event loop too
        return thread.submit(asyncio.run, work).result()


class _Check:
    def __init__(self, env: StepEnv, oracle_solves: bool) -> None:
        self.env, self.oracle_solves = env, oracle_solves
        self.calls: Calls = env.calls
        self.found: dict[str, None] = {}

    async def run(self, tasks: Sequence[Task]) -> list[str]:
        if not actions_of(self.env.game) and not offers(self.env.game, "sample"):
            self._say("it has neither `actions` nor sample(draw): nobody can play it at random")
            return list(self.found)
        for task in tasks:
            try:
                await self._check(task)
            except GuerdonError as error:
                self._say(f"task {task.id!r}: {error}")
        return list(self.found)

    def _say(self, problem: str) -> None:
        self.found.setdefault(problem)

    async def _check(self, task: Task) -> None:
        with _globals_at(0):
            first = await self._play(self._copy(), task, seed=1)
        with _globals_at(0):
            again = await self._play(self._copy(), task, seed=1, acting=first)
        with _globals_at(1):
            moved = await self._play(self._copy(), task, seed=1, acting=first)
        self._compare(first, again, "played again with the same seed and actions")
        self._compare(again, moved, "with the global random generators elsewhere (use its own)")
        self._compare_anchors(first, again)
        other = await self._play(self._copy(), task, seed=2, acting=first[:1])
        if _start(first[0]) != _start(other[0]):
            self._say(
                "its start depends on the member's seed: make it from the task alone, so that a "
                "group plays the same game"
            )
        await self._check_reuse(task, first)
        await self._check_snapshot(task, first)
        self._check_moments(first)
        if offers(self.env.game, "oracle"):
            await self._check_oracle(task)

    def _copy(self) -> Any:
        return copy.deepcopy(self.env.game)

    async def _play(
        self, game: Any, task: Task, seed: int, acting: Sequence[Moment] | None = None
    ) -> list[Moment]:
        """Random actions to the end, or those of ``acting``."""
        observation, info = await self.calls.reset(game, task, seed)
        moments = [await self._moment(game, (observation, 0.0, False, False, info), "")]
        if acting is not None:
            for moment in acting[1:]:
                moments.append(await self._step(game, moment.action))
            return moments
        draw = random.Random(derive_seed(seed, task.id))
        player = Mechanical(form=self.env.form, draw=draw, calls=self.calls)
        for _ in range(self.env.max_turns):
            reply = await player.reply(Scene(game, ()))
            reading = self.env.form.read(reply, game)
            if len(reading.actions) != 1:
                self._say(f"the random action {reply!r:.100} is none of its actions")
                return moments
            moments.append(await self._step(game, reading.actions[0]))
            if moments[-1].terminated or moments[-1].truncated:
                break
        return moments

    async def _step(self, game: Any, action: str) -> Moment:
        return await self._moment(game, await self.calls.step(game, action), action)

    async def _moment(self, game: Any, step: Any, action: str) -> Moment:
        observation, reward, terminated, truncated, info = step
        anchor = await self.calls(game.anchor) if offers(game, "anchor") else None
        if anchor is not None and not isinstance(anchor, str):
            self._say(f"anchor() must be text, not {type(anchor).__name__}")
            anchor = str(anchor)
        shown = tuple(sorted(numbers(info).items()))
        return Moment(observation, reward, terminated, truncated, shown, anchor, action)

    def _compare(self, one: Sequence[Moment], two: Sequence[Moment], how: str) -> None:
        for number, (a, b) in enumerate(zip_longest(one, two)):
            if a is None or b is None or _bare(a) != _bare(b):
                self._say(f"{how}, it differs after {number} actions")
                return

    def _compare_anchors(self, one: Sequence[Moment], two: Sequence[Moment]) -> None:
        if any(a.anchor != b.anchor for a, b in zip(one, two, strict=False)):
            self._say("equal plays have different anchors")

    async def _check_reuse(self, task: Task, first: Sequence[Moment]) -> None:
        """A used copy, and one played while another is: both as good as new."""
        used, beside = self._copy(), self._copy()
        await self._play(used, task, seed=3)
        self._compare(
            first,
            await self._play(used, task, seed=1, acting=first),
            "reset after another episode (step changes what reset does not set)",
        )
        observation, info = await self.calls.reset(beside, task, 1)
        moments = [await self._moment(beside, (observation, 0.0, False, False, info), "")]
        for moment in first[1:]:
            await self._play(used, task, seed=4, acting=first[:2])
            moments.append(await self._step(beside, moment.action))
        self._compare(first, moments, "with a copy of it played at the same time")

    async def _check_snapshot(self, task: Task, first: Sequence[Moment]) -> None:
        game = self._copy()
        half = len(first) // 2
        await self._play(game, task, seed=1, acting=first[: half + 1])
        ahead = await self.calls(snapshot_of, game)
        for moment in first[half + 1 :]:
            await self._step(ahead, moment.action)
        rest = [await self._step(game, moment.action) for moment in first[half + 1 :]]
        self._compare(first[half + 1 :], rest, "after its snapshot was played on")

    def _check_moments(self, moments: Sequence[Moment]) -> None:
        if "success" not in dict(moments[0].numbers):
            self._say("reset gives no info['success']: give 0.0, so that every episode has one")
        for moment in moments:
            success = dict(moment.numbers).get("success", 0.0)
            if success not in (0.0, 1.0):
                self._say(f"info['success'] must be 0 or 1, not {success}")
            elif success and not moment.terminated:
                self._say("success comes without termination: a game that is won is over")

    async def _check_oracle(self, task: Task) -> None:
        player = Mechanical(form=self.env.form, draw=random.Random(0), skill=1.0, calls=self.calls)
        _, metrics = await self.env.play(task, 1, player)
        if self.oracle_solves and metrics.get("success") != 1.0:
            self._say(
                f"task {task.id!r}: the oracle does not succeed in {self.env.max_turns} turns"
            )


@contextmanager
def _globals_at(seed: int) -> Iterator[None]:
    """The global random generators in a known state, for a while."""
    before = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


def _bare(moment: Moment) -> Moment:
    return replace(moment, action="", anchor=None)


def _start(moment: Moment) -> tuple[str, str | None]:
    return moment.observation, moment.anchor
