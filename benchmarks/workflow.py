"""Workflows at once: executor calls against the ideal, and generation in a batch or one by one.

    python benchmarks/workflow.py --json

``ratio_to_ideal``: seconds of 64 workflows of 4 calls, one after the other in each, over the ideal
of 64 x 4 x latency / concurrency; every call is written to cache and ledger on disk, and the server
is a `ScriptedServer` in a process of its own. ``costs_add_up``: whether the bills of the workflows
sum to the ledger, to the nano-dollar.

``sequential_s`` and ``batched_s``: 16 workflows sampled by the tiny policy of `workflow_tiny`
(random weights) one after the other and at once. Medians over
``--repeats``; sides take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import tempfile
import time
from functools import cache
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from scripted import elsewhere

from guerdon.config.build import build
from guerdon.config.compose import compose
from guerdon.engines.native import NativeEngine
from guerdon.engines.remote import RemoteEngine
from guerdon.hf import load_model, load_tokenizer
from guerdon.llm.asks import Ask
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.meter import billing
from guerdon.llm.prices import NANO, Price
from guerdon.templates import ChatTemplate
from guerdon.types import Model, Sampling
from guerdon.workflow import Inputs, Program, Task, check, run, shipped_catalog
from guerdon.workflow.meter import ledger_meter

ANSWER = "It follows that the answer is 7."


def answer(ask: Ask) -> str:
    """The same to everybody."""
    return ANSWER


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workflows", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds of the server")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--generated", type=int, default=16, help="workflows to sample")
    parser.add_argument("--tokens", type=int, default=48, help="of each sampled workflow")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the result alone")
    args = parser.parse_args()
    with elsewhere(answer, args.latency) as url:
        found = asyncio.run(executed(url, args))
    found |= asyncio.run(generated(args))
    print(json.dumps(found) if args.json else "\n".join(f"{k:<16} {v}" for k, v in found.items()))


async def executed(url: str, args: argparse.Namespace) -> dict[str, object]:
    """Seconds of all workflows at once, and whether their costs add up."""
    ratios, adds_up = [], True
    for _ in range(args.repeats):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "llm.sqlite"
            ledger = Ledger(file)
            engine = RemoteEngine(
                "scripted",
                base_url=url,
                price=Price(0.15, 0.6),
                max_concurrent=args.concurrency,
                cache=Cache(file),
                ledger=ledger,
                role="executor",
            )
            await asyncio.gather(*(one(engine, f"warm {n}", 1) for n in range(args.concurrency)))
            gc.freeze()  # as the train loop does: torch takes a third of a second to look through
            before = ledger.spent_usd
            started = time.perf_counter()
            bills = await asyncio.gather(
                *(one(engine, f"problem {n}", 4) for n in range(args.workflows))
            )
            seconds = time.perf_counter() - started
            ideal = args.workflows * 4 * args.latency / min(args.concurrency, args.workflows)
            ratios.append(seconds / ideal)
            adds_up &= sum(bills) == round((ledger.spent_usd - before) * NANO)
            await engine.close()
    return {"ratio_to_ideal": round(statistics.median(ratios), 4), "costs_add_up": adds_up}


@cache
def chain(num_calls: int) -> Program:
    """A workflow of so many calls, each of which needs the one before."""
    found = check(" -> ".join(["Custom"] * num_calls), shipped_catalog(), Task("math"))
    assert found.program is not None
    return found.program


async def one(engine: RemoteEngine, problem: str, num_calls: int) -> int:
    """One workflow of so many calls in a row; returns the nano-dollars on its bill."""
    models = {"executor": Model(engine, Sampling(max_tokens=64))}
    with billing() as bill:
        done = await run(
            chain(num_calls), shipped_catalog(), Inputs(problem), models, meter=ledger_meter
        )
    assert done.answer == ANSWER and len(done.calls) == num_calls, done.error
    return bill.paid_nano_usd


async def generated(args: argparse.Namespace) -> dict[str, object]:
    """Seconds to sample workflows one by one and all at once."""
    config = compose("workflow_tiny")
    tasks = build(config["tasks"], "tasks").load().train[: args.generated]
    env = build(config["env"], "env")
    with tempfile.TemporaryDirectory() as folder:
        build(config["models"]["policy"]["init"], "init").save(folder)
        engine = NativeEngine(
            load_model(folder, dtype=torch.float32), ChatTemplate(load_tokenizer(folder))
        )
    prompts = [engine.template.start(env.prompt(task)) for task in tasks]
    times: dict[str, list[float]] = {"sequential_s": [], "batched_s": []}
    num_tokens = 0
    for repeat in range(args.repeats + 1):  # the first one warms up
        for name, found in times.items():
            calls = [
                engine.generate(prompt, Sampling(max_tokens=args.tokens).at(repeat, number))
                for number, prompt in enumerate(prompts)
            ]
            started = time.perf_counter()
            if name == "batched_s":
                replies = await asyncio.gather(*calls)
            else:
                replies = [await call for call in calls]
            found.append(time.perf_counter() - started)
            num_tokens = sum(len(reply.token_ids) for reply in replies)
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}
    speedup = medians["sequential_s"] / medians["batched_s"]
    rounded = {name: round(seconds, 4) for name, seconds in medians.items()}
    return {**rounded, "tokens": num_tokens, "batched_speedup": round(speedup, 2)}


if __name__ == "__main__":
    main()
