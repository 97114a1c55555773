"""Games that break one promise each, and one that keeps them all."""

import random
import time
from dataclasses import dataclass, field

from guerdon.types import Task


@dataclass(kw_only=True)
class Walk:
    """Walk from 0 to 3; ``Left`` and ``Right`` slip by chance. Keeps every promise."""

    actions: tuple[str, ...] = ("Left", "Right")
    at: int = 0
    draw: random.Random = field(default_factory=lambda: random.Random(0))

    def reset(self, task: Task, seed: int):
        self.at, self.draw = task.info["start"], random.Random(seed)
        return f"at {self.at}", {"success": 0.0}

    def step(self, action: str):
        if self.draw.random() > 0.1:
            self.at = max(0, self.at + (1 if action == "Right" else -1))
        won = self.at >= 3
        return f"at {self.at}", float(won), won, False, {"success": float(won)}

    def anchor(self) -> str:
        return str(self.at)

    def oracle(self) -> str:
        return "Right"


class Forgetful(Walk):
    """Reset leaves something behind."""

    steps = 0

    def step(self, action: str):
        self.steps += 1
        told, *rest = super().step(action)
        return (f"{told} after {self.steps}", *rest)


class Global(Walk):
    """Draws from the global generator."""

    def step(self, action: str):
        told, *rest = super().step(action)
        return (f"{told} {random.random()}", *rest)


class Unfair(Walk):
    """Its start depends on the member's seed."""

    def reset(self, task: Task, seed: int):
        _, info = super().reset(task, seed)
        self.at = seed % 3
        return f"at {self.at}", info


class Moody(Walk):
    """Differs from play to play."""

    def step(self, action: str):
        _, *rest = super().step(action)
        return (f"{id(object())} {time.perf_counter_ns()}", *rest)


class Shared(Walk):
    """Copies share their state."""

    places: list[int] = []  # noqa: RUF012

    def reset(self, task: Task, seed: int):
        self.places.clear()
        return super().reset(task, seed)

    def step(self, action: str):
        self.places.append(1)
        told, *rest = super().step(action)
        return (f"{told} {len(self.places)}", *rest)


class Clueless(Walk):
    """Its oracle goes the wrong way."""

    def oracle(self) -> str:
        return "Left"


class Endless(Walk):
    """Success without an end."""

    def step(self, action: str):
        told, reward, won, _, info = super().step(action)
        return told, reward, False, won, info


class Silent(Walk):
    """No success at the start, and half a success later."""

    def reset(self, task: Task, seed: int):
        return super().reset(task, seed)[0], {}

    def step(self, action: str):
        return (*super().step(action)[:4], {"success": 0.5})


class Nameless(Walk):
    """Equal plays, different anchors."""

    def anchor(self) -> str:
        return str(time.perf_counter_ns())


class Crashing(Walk):
    """Raises, leaves or stops, as told."""

    error: BaseException = ZeroDivisionError("no floor")

    def step(self, action: str):
        raise self.error


class Hanging(Walk):
    """Does not come back."""

    def step(self, action: str):
        time.sleep(60)


class AsyncHanging(Walk):
    """Does not come back, politely."""

    async def step(self, action: str):
        import asyncio

        await asyncio.sleep(60)


@dataclass(kw_only=True)
class Odd(Walk):
    """Gives whatever it is told to give."""

    reward: object = 0.0

    def step(self, action: str):
        return ("odd", self.reward, True, False, {"success": 0.0})


TASKS = [Task(f"walk/{start}", (), info={"start": start}) for start in range(3)]
