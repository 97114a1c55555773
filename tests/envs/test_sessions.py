"""Sessions of a game: independent, repeatable, closed when idle, and none the worse for faults."""

import asyncio

import pytest

import broken_games as games
from guerdon.envs.calls import Calls
from guerdon.envs.games.sudoku import SudokuGame
from guerdon.envs.sessions import NoSession, OutOfOrder, Sessions
from guerdon.errors import EnvError
from guerdon.types import Task

TASK = Task("walk/1", (), info={"start": 1})


class Sure(games.Walk):
    """Says when it is closed; does not slip."""

    closed: list[str] = []  # noqa: RUF012

    def step(self, action):
        self.at += 1
        return f"at {self.at}", 0.5, self.at >= 3, False, {"success": float(self.at >= 3), "x": "y"}

    def close(self):
        self.closed.append(f"at {self.at}")


def make(game=None, **options) -> Sessions:
    return Sessions(game or Sure(), Calls(), **options)


def test_sessions_are_independent():
    async def play():
        sessions = make()
        one, two = [await sessions.reset(None, TASK, seed) for seed in (0, 1)]
        await sessions.step(one["session"], "Right", 1)
        return await sessions.step(two["session"], "Right", 1), len(sessions)

    reply, count = asyncio.run(play())
    assert reply == {
        "observation": "at 2",
        "reward": 0.5,
        "terminated": False,
        "truncated": False,
        "is_invalid": False,
        "info": {"success": 0.0},
        "anchor": "2",
        "actions": ["Left", "Right"],
    }
    assert count == 2


def test_a_step_asked_for_twice_is_carried_out_once_and_others_are_refused():
    async def play():
        sessions = make()
        name = (await sessions.reset("mine", TASK, 0))["session"]
        replies = [await sessions.step(name, "Right", number) for number in (1, 1, 2)]
        with pytest.raises(OutOfOrder, match="step 5 after step 2"):
            await sessions.step(name, "Right", 5)
        again = await sessions.reset(name, TASK, 0)
        return [reply["observation"] for reply in replies], again["observation"], len(sessions)

    assert asyncio.run(play()) == (["at 2", "at 2", "at 3"], "at 1", 1)


def test_idle_sessions_are_closed_and_their_games_told():
    now = 0.0

    async def play():
        nonlocal now
        Sure.closed.clear()
        sessions = make(idle_s=10.0, clock=lambda: now)
        await sessions.reset("old", TASK, 0)
        now = 6.0
        await sessions.reset("new", TASK, 0)
        now = 12.0
        await sessions.sweep()
        with pytest.raises(NoSession, match="idle for more than 10 s"):
            await sessions.step("old", "Right", 1)
        await sessions.step("new", "Right", 1)
        await sessions.close("new")
        await sessions.close("new")
        return len(sessions)

    assert asyncio.run(play()) == 0 and Sure.closed == ["at 1", "at 2"]


def test_a_game_that_fails_loses_its_session_and_no_other():
    async def play():
        sessions = make(games.Crashing())
        await sessions.reset("a", TASK, 0)
        await sessions.reset("b", TASK, 0)
        with pytest.raises(EnvError, match="ZeroDivisionError"):
            await sessions.step("a", "Right", 1)
        with pytest.raises(NoSession):
            await sessions.step("a", "Right", 1)
        return len(sessions)

    assert asyncio.run(play()) == 1


def test_more_sessions_than_there_may_be_are_refused():
    async def play():
        sessions = make(max_sessions=1)
        await sessions.reset("a", TASK, 0)
        with pytest.raises(EnvError, match="its largest number"):
            await sessions.reset("b", TASK, 0)

    asyncio.run(play())


def test_text_that_is_no_action_changes_nothing():
    async def play():
        sessions = make(SudokuGame())
        first = await sessions.reset("a", Task("s", (), info={"seed": 1}), 0)
        return first["observation"], await sessions.step("a", "hello", 1)

    observation, reply = asyncio.run(play())
    assert reply["is_invalid"] and reply["observation"] == observation and reply["reward"] == 0.0


def test_oracle_sample_and_snapshot_are_there_where_the_game_has_them():
    async def play():
        sessions = make()
        await sessions.reset("a", TASK, 0)
        copied = await sessions.snapshot("a")
        moved = await sessions.step(copied, "Right", 1)
        still = await sessions.step("a", "Right", 1)
        with pytest.raises(EnvError, match="has no 'sample'"):
            await sessions.ask("a", "sample")
        with pytest.raises(EnvError, match="has no 'close'"):
            await sessions.ask("a", "close")
        return moved == still, await sessions.ask("a", "oracle")

    assert asyncio.run(play()) == (True, "Right")
