"""Time calls of a judge: against the ideal, from the cache, and beside generation.

The server is `guerdon.llm.testing.ScriptedServer` in a process of its own, answering after a fixed
latency. The ideal for n calls is ceil(n / concurrency) x latency.

    python benchmarks/judge_throughput.py --json

``ratio_to_ideal``: seconds of n uncached calls, each written to cache and ledger on disk, over the
ideal. ``cached_per_s``: the same calls again, every one from the cache. ``overlap_ratio``: seconds
of a step that generates n replies and has each judged when it is done, over the larger of what
generation alone and judging alone take. Generation is a clock: ``--concurrency`` replies at a time,
each as long as a judgement, so that neither hides behind the other. All are medians over
``--repeats``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

from scripted import elsewhere

from guerdon.engines.remote import RemoteEngine
from guerdon.envs.single_turn import SingleTurn
from guerdon.llm.asks import Ask
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.rewards.judge import Judge
from guerdon.rewards.match import Match
from guerdon.train.collect import collect
from guerdon.types import Completion, Message, Model, RewardFn, Sampling, Task

ANSWER = "The answer agrees with the reference in every step.\n<score>7</score>"
QUESTION = "Judge this answer to problem {}, on a scale from 1 to 10:\n" + "It follows. " * 100


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds of the server")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--lookups", type=int, default=20_000, help="cached calls to time")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the result alone")
    args = parser.parse_args()
    with elsewhere(answer, args.latency) as url:
        found = asyncio.run(measure(url, args))
    print(json.dumps(found) if args.json else "\n".join(f"{k:<16} {v}" for k, v in found.items()))


def answer(ask: Ask) -> str:
    """A verdict in the tag that was asked for, where one was."""
    code = ask.text.partition("This message's code is ")[2][:8]
    return f"It follows.\n<verdict-{code}>7</verdict-{code}>" if code else ANSWER


async def measure(url: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds of fresh calls and of cached ones."""
    ideal_s = math.ceil(args.calls / args.concurrency) * args.latency
    ratios, rates, overlaps = [], [], []
    for _ in range(args.repeats):
        with tempfile.TemporaryDirectory() as folder:
            engine = await connect(url, Path(folder) / "calls.sqlite", args.concurrency)
            started = time.perf_counter()
            await asyncio.gather(*(ask(engine, n) for n in range(args.calls)))
            ratios.append((time.perf_counter() - started) / ideal_s)
            started = time.perf_counter()
            await asyncio.gather(*(ask(engine, n % args.calls) for n in range(args.lookups)))
            rates.append(args.lookups / (time.perf_counter() - started))
            await engine.close()
            overlaps.append(await overlap(url, Path(folder), args))
    return {
        "ratio_to_ideal": round(statistics.median(ratios), 4),
        "cached_per_s": round(statistics.median(rates)),
        "overlap_ratio": round(statistics.median(overlaps), 4),
    }


async def connect(url: str, file: Path, concurrency: int) -> RemoteEngine:
    """An engine whose connections are open, with a cache and a ledger on disk."""
    engine = RemoteEngine(
        "scripted",
        base_url=url,
        price="free",
        max_concurrent=concurrency,
        cache=Cache(file),
        ledger=Ledger(file),
        role="judge",
    )
    await asyncio.gather(*(ask(engine, -1 - n) for n in range(concurrency)))
    return engine


async def ask(engine: RemoteEngine, number: int) -> None:
    """One judgement."""
    message: Message = {"role": "user", "content": QUESTION.format(number)}
    completion = await engine.generate((message,), Sampling(temperature=0.0, max_tokens=64))
    assert completion.text == ANSWER, completion


class Clock:
    """A policy that does nothing but take its time: so many replies at once, each as long."""

    template = None

    def __init__(self, slots: int, seconds: float) -> None:
        self._slots, self._seconds = asyncio.Semaphore(slots), seconds

    async def generate(self, prompt: object, sampling: Sampling) -> Completion:
        async with self._slots:
            await asyncio.sleep(self._seconds)
        return Completion(f"It follows from {sampling.seed}. " * 20)


async def overlap(url: str, folder: Path, args: argparse.Namespace) -> float:
    """Seconds of generating and judging together over the larger of both alone."""
    tasks = [
        Task(str(n), ({"role": "user", "content": QUESTION.format(n)},), "So.")
        for n in range(args.calls)
    ]
    policy = Model(Clock(args.concurrency, args.latency))

    async def seconds(reward: RewardFn, engine: RemoteEngine, speaker: Model) -> float:
        sampling = Sampling(temperature=0.0, max_tokens=64)
        models = {"policy": speaker, "judge": Model(engine, sampling)}
        started = time.perf_counter()
        episodes = await collect(SingleTurn(reward=reward), tasks, models)
        took = time.perf_counter() - started
        assert not any(episode.error for episode in episodes), episodes[0].error
        await engine.close()
        return took

    def engine(name: str) -> Awaitable[RemoteEngine]:
        return connect(url, folder / name, args.concurrency)

    judge = Judge(output="tag")
    at_once = Model(Clock(args.calls, 0.0))
    generating = await seconds(Match(), await engine("generating.sqlite"), policy)
    judging = await seconds(judge, await engine("judging.sqlite"), at_once)
    together = await seconds(judge, await engine("together.sqlite"), policy)
    return together / max(generating, judging)


if __name__ == "__main__":
    main()
