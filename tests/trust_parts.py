"""Rewards and judges of the tests in this folder."""

from dataclasses import dataclass, field

from guerdon.chat import ask
from guerdon.errors import RewardError
from guerdon.types import Message, Models, Reward, Task


@dataclass
class Exact:
    """1 for the reference answer itself."""

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        return Reward(float(response.strip() == task.answer), note="compared")


@dataclass
class Table:
    """Worth what the table says, by response; anything else cannot be computed."""

    worth: dict[str, float]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        self.asked.append(response)
        if response not in self.worth:
            raise RewardError(f"no value for {response!r}")
        return Reward(self.worth[response])


@dataclass
class Contains:
    """1 if the reference answer occurs anywhere, or the response asks for it."""

    bribe: str = "\0"

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        return Reward(float((task.answer or "") in response or self.bribe in response))


@dataclass(frozen=True)
class Said:
    """What a judge of two said."""

    in_order: str
    swapped: str | None

    @property
    def winner(self) -> str:
        return self.in_order if self.swapped in (None, self.in_order) else "tie"


def task(name: str = "t", answer: str | None = "4", domain: str = "default", **info) -> Task:
    return Task(name, ({"role": "user", "content": f"question {name}"},), answer, domain, info)


@dataclass(frozen=True, kw_only=True)
class Asks:
    """Asks a judge, and pays for "yes"."""

    model: str = "judge"

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        question: Message = {"role": "user", "content": f"{task.answer}|{response}"}
        said = await ask(models[self.model], (question,))
        return Reward(float(said.text == "yes"))


class Generous:
    """1 for any response at all."""

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        return Reward(1.0)


class Tiring:
    """Honest for its first calls only."""

    def __init__(self) -> None:
        self.num_calls = 0

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        self.num_calls += 1
        return Reward(float(response == task.answer and self.num_calls < 40))


class Tempting:
    """Pays more and more, whatever is said."""

    def __init__(self) -> None:
        self.num_calls = 0

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        self.num_calls += 1
        return Reward(float(self.num_calls % 8 < self.num_calls / 8))


class Souring:
    """Pays less and less."""

    def __init__(self) -> None:
        self.num_calls = 0

    async def __call__(self, task: Task, response: str, models: Models) -> Reward:
        self.num_calls += 1
        return Reward(float(self.num_calls % 8 >= self.num_calls / 8))
