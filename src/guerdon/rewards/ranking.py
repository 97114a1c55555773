"""Rank the responses of a group against each other: `Tournament` by pairs, `Listwise` at once.

Both have ``rank(task, responses, models)``, one reward for each response; `envs.compared` plays
groups for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from string import ascii_uppercase

from guerdon.errors import ConfigError
from guerdon.rewards.compare import Comparison, Pairwise, Preference
from guerdon.rewards.judging import Judging, all_of
from guerdon.rewards.rubric import Kind
from guerdon.rewards.verdict import Ranking
from guerdon.types import Models, Reward, Task, derive_seed

Pair = tuple[int, int]

_REQUEST = "Rank all responses by the criteria you were given."


@dataclass(frozen=True, kw_only=True)
class Tournament(Pairwise):
    """The share of its comparisons a response wins, a tie counting half. An empty one wins none
    but against its like.

    All pairs of a round are compared at the same time. ``parts``: ``flipped``, the share of its
    comparisons whose verdict changed with the order.

    Args:
        rounds: None: everybody meets everybody. Otherwise so many rounds, each pairing neighbours
            of the standing who have not met; that is ``rounds / (n - 1)`` of the calls.
        others: see `compare.Pairwise`.
    """

    rounds: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds is not None and self.rounds < 1:
            raise ConfigError(f"Tournament: rounds must be at least 1, got {self.rounds}")

    async def compare(self, task: Task, first: str, second: str, models: Models) -> Comparison:
        """As `Pairwise.compare`; an empty response loses, and nobody is asked."""
        texts = self.response_text(first), self.response_text(second)
        if bool(texts[0]) == bool(texts[1]):
            return await super().compare(task, first, second, models)
        better: Preference = "1" if texts[0] else "2"
        return Comparison(better, better if self.swap else None, "the other response is empty")

    async def rank(self, task: Task, responses: Sequence[str], models: Models) -> list[Reward]:
        """A reward for each response, in their order.

        Raises:
            NoVerdict: a verdict is missing.
            ConfigError: there are fewer than two responses.
        """
        _refuse_too_few(responses)
        met: dict[Pair, Comparison] = {}
        for number in range(1 if self.rounds is None else self.rounds):
            pairs = self._pairs(number, task, responses, met)
            await self._play(pairs, met, task, responses, models)
        alone = [i for i in range(len(responses)) if not _of(i, met)]
        late = sorted({(0, i) if i else (0, 1) for i in alone})
        await self._play(late, met, task, responses, models)
        return [_reward(i, met) for i in range(len(responses))]

    def _pairs(
        self, number: int, task: Task, responses: Sequence[str], met: dict[Pair, Comparison]
    ) -> list[Pair]:
        """Who meets whom in a round. Where the standing is even, chance decides, the same one
        whenever this group comes up."""
        members = range(len(responses))
        if self.rounds is None:
            return list(combinations(members, 2))
        drawn = {i: derive_seed("round", number, task.id, i, responses[i]) for i in members}
        order = sorted(members, key=lambda i: (-_points(i, met), drawn[i]))
        return pairings(order, lambda i, j: (min(i, j), max(i, j)) in met)

    async def _play(
        self,
        pairs: Sequence[Pair],
        met: dict[Pair, Comparison],
        task: Task,
        responses: Sequence[str],
        models: Models,
    ) -> None:
        found = await all_of(
            self.compare(task, responses[i], responses[j], models) for i, j in pairs
        )
        met |= dict(zip(pairs, found, strict=True))


@dataclass(frozen=True, kw_only=True)
class Listwise(Judging):
    """The place of a response in the judge's ranking, from 1 (the best) to 0.

    The judge sees all responses at once, in an order drawn from their content and in the reverse
    of it; the reward is the mean of both. Empty responses share the last place and are not shown.
    ``parts``: ``order_gap``, how far the two are apart.

    Args:
        rubric: what counts: ``listwise`` or a YAML file of kind ``list``.
        others: see `judging.Judging`.
    """

    rubric: str = "listwise"

    @property
    def kind(self) -> Kind:
        return "list"

    async def rank(self, task: Task, responses: Sequence[str], models: Models) -> list[Reward]:
        """A reward for each response, in their order.

        Raises:
            NoVerdict: a verdict is missing.
            ConfigError: there are fewer than two responses, or more than letters.
        """
        _refuse_too_few(responses)
        if len(responses) > len(ascii_uppercase):
            raise ConfigError(f"Listwise: {len(responses)} responses; it can rank at most 26")
        texts = [self.response_text(response) for response in responses]
        members = range(len(texts))
        order = sorted(members, key=lambda i: derive_seed("order", task.id, texts[i], i))
        worths = await all_of(
            self._worths(task, texts, shown, models) for shown in (order, order[::-1])
        )
        return [
            Reward((one + other) / 2, {"order_gap": abs(one - other)})
            for one, other in zip(*worths, strict=True)
        ]

    async def compare(self, task: Task, first: str, second: str, models: Models) -> Comparison:
        """Rank two responses in both orders, so that a list's judge can be measured as a pair's.

        Raises:
            NoVerdict: a verdict is missing.
        """
        texts = self.response_text(first), self.response_text(second)
        in_order, swapped = await all_of(
            self._worths(task, texts, shown, models) for shown in ((0, 1), (1, 0))
        )
        return Comparison(_better(in_order), _better(swapped))

    async def _worths(
        self, task: Task, texts: Sequence[str], shown: Sequence[int], models: Models
    ) -> list[float]:
        """What each response is worth when they are shown in an order; the mean of all verdicts."""
        shown = [i for i in shown if texts[i]]
        last = len(texts) - 1
        worths = [(last - len(shown)) / 2 / last] * len(texts)  # of those who share the last place
        for i, *ranks in zip(shown, *await self._ranks(task, texts, shown, models), strict=True):
            worths[i] = sum(1 - rank / last for rank in ranks) / len(ranks)
        return worths

    async def _ranks(
        self, task: Task, texts: Sequence[str], shown: Sequence[int], models: Models
    ) -> list[tuple[float, ...]]:
        """The ranks of the shown responses by each verdict; one alone is first, and none is
        asked."""
        if len(shown) < 2:
            return [(0.0,) * len(shown)]
        labels = ascii_uppercase[: len(shown)]
        responses = {f"response_{label}": texts[i] for label, i in zip(labels, shown, strict=True)}
        case = self.case(task, responses, _REQUEST, Ranking(tuple(labels)))
        return [verdict.ranks for verdict in await self.verdicts(case, models)]


def pairings(order: Sequence[int], have_met: Callable[[int, int], bool]) -> list[Pair]:
    """Neighbours in ``order`` who have not met, each in one pair at most; some may sit out."""
    left, pairs = list(order), []
    while left:
        one = left.pop(0)
        other = next((i for i in left if not have_met(one, i)), None)
        if other is not None:
            left.remove(other)
            pairs.append((min(one, other), max(one, other)))
    return pairs


def _refuse_too_few(responses: Sequence[str]) -> None:
    if len(responses) < 2:
        raise ConfigError(f"a ranking needs at least two responses, got {len(responses)}")


def _better(worths: Sequence[float]) -> Preference:
    first, second = worths
    return "tie" if first == second else "1" if first > second else "2"


def _of(member: int, met: dict[Pair, Comparison]) -> dict[Pair, Comparison]:
    return {pair: found for pair, found in met.items() if member in pair}


def _points(member: int, met: dict[Pair, Comparison]) -> float:
    """Points of a member in all its comparisons."""
    won = [
        found.points if pair[0] == member else 1 - found.points
        for pair, found in _of(member, met).items()
    ]
    return sum(won, 0.0)


def _reward(member: int, met: dict[Pair, Comparison]) -> Reward:
    found = _of(member, met)
    flipped = sum(one.is_flipped for one in found.values()) / len(found)
    return Reward(_points(member, met) / len(found), {"flipped": flipped})
