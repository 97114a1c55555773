"""Time calls of a remote model: against the ideal, and from the cache.

The server is `guerdon.llm.testing.ScriptedServer` in a process of its own, answering after a fixed
latency. The ideal for n calls is ceil(n / concurrency) x latency.

    python benchmarks/judge_throughput.py --json

``ratio_to_ideal``: seconds of n uncached calls, each written to cache and ledger on disk, over the
ideal. ``cached_per_s``: the same calls again, every one from the cache. Both are medians over
``--repeats``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from guerdon.engines.remote import RemoteEngine
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.testing import ScriptedServer
from guerdon.types import Message, Sampling

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
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, args.latency))
    server.start()
    try:
        found = asyncio.run(measure(ours.recv(), args))
    finally:
        ours.send("stop")
        server.join()
    print(json.dumps(found) if args.json else "\n".join(f"{k:<16} {v}" for k, v in found.items()))


def serve(pipe: Connection, latency_s: float) -> None:
    """The other process: answer until told to stop."""
    with ScriptedServer(lambda ask: ANSWER, latency_s=latency_s) as server:
        pipe.send(server.url)
        pipe.recv()


async def measure(url: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds of fresh calls and of cached ones."""
    ideal_s = math.ceil(args.calls / args.concurrency) * args.latency
    ratios, rates = [], []
    for _ in range(args.repeats):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "llm.sqlite"
            engine = RemoteEngine(
                "scripted",
                base_url=url,
                price="free",
                max_concurrent=args.concurrency,
                cache=Cache(file),
                ledger=Ledger(file),
                role="judge",
            )
            await asyncio.gather(*(ask(engine, -1 - n) for n in range(args.concurrency)))  # connect
            started = time.perf_counter()
            await asyncio.gather(*(ask(engine, n) for n in range(args.calls)))
            ratios.append((time.perf_counter() - started) / ideal_s)
            started = time.perf_counter()
            await asyncio.gather(*(ask(engine, n % args.calls) for n in range(args.lookups)))
            rates.append(args.lookups / (time.perf_counter() - started))
            await engine.close()
    return {
        "ratio_to_ideal": round(statistics.median(ratios), 4),
        "cached_per_s": round(statistics.median(rates)),
    }


async def ask(engine: RemoteEngine, number: int) -> None:
    """One judgement."""
    message: Message = {"role": "user", "content": QUESTION.format(number)}
    completion = await engine.generate((message,), Sampling(temperature=0.0, max_tokens=64))
    assert completion.text == ANSWER, completion


if __name__ == "__main__":
    main()
