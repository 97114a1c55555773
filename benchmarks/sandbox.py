"""Programs per second in the sandbox, beside a fresh interpreter for each and one pebble worker.

    python benchmarks/sandbox.py --json
    python benchmarks/sandbox.py --pebble-python OTHER/bin/python     # where pebble is installed

Every system runs the same programs, all different, each of which defines a function, calls it and
prints the value; half of them import modules, as programs of models do. Systems:

    bubblewrap, subprocess   our levels, two workers, one process per program
    fresh                    `python -I -c PROGRAM`, two at a time, nothing held
    fresh_bare               `python -I -S -c PROGRAM`: the same without site-packages, whose .pth
                             files can cost more than the rest
    pebble                   one pebble worker, submitted and awaited one by one; its process stays,
                             so nothing separates one program from the next

``latency_ms`` is the median time of one awaited call while nothing else runs; a program's own work
is some 20 microseconds of it. Systems take turns, so that a busy machine is as busy for all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from guerdon.sandbox import Sandbox

Run = Callable[[str], Awaitable[str]]

PROGRAM = """\
{imports}
def f(xs, n):
    seen = {{}}
    for i, x in enumerate(xs):
        seen.setdefault((x * {number} + i) % n, []).append(x)
    return sorted(seen.items())[:5]
print(f(list(range(40)), 7))
"""
IMPORTS = "import re, math, itertools, collections, functools, heapq, random, json, dataclasses"

PEBBLE = """
import io, sys, time, contextlib, json
from pebble import ProcessPool
def run(program):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(program, {})
    return out.getvalue()
if __name__ == "__main__":
    with ProcessPool(max_workers=1) as pool:
        pool.schedule(run, args=("print(1)",), timeout=10).result()
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(pool.schedule(run, args=(json.loads(line),), timeout=10).result()), flush=True)
"""  # noqa: E501


def programs(count: int, start: int) -> list[str]:
    """Different programs, every other one with imports."""
    return [
        PROGRAM.format(imports=IMPORTS if number % 2 else "", number=number)
        for number in range(start, start + count)
    ]


def of_sandbox(sandbox: Sandbox) -> Run:
    """One of our levels."""

    async def run(program: str) -> str:
        result = await sandbox.run(program)
        assert result.ok, result
        return result.output

    return run


def fresh(*flags: str) -> Run:
    """A new interpreter."""

    async def run(program: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *flags, "-c", program, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return output.decode()

    return run


def of_pebble(process: subprocess.Popen[str]) -> Run:
    """One worker in another interpreter, spoken to line by line."""

    async def run(program: str) -> str:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(program) + "\n")
        process.stdin.flush()
        return str(json.loads(process.stdout.readline()))

    return run


async def rate(run: Run, work: Sequence[str], at_once: int) -> float:
    """Programs per second, ``at_once`` in flight."""
    waiting = iter(work)

    async def serve() -> None:
        for program in waiting:
            await run(program)

    started = time.perf_counter()
    await asyncio.gather(*(serve() for _ in range(at_once)))
    return len(work) / (time.perf_counter() - started)


async def latencies(run: Run, work: Sequence[str]) -> list[float]:
    """Milliseconds of each program, one after the other."""
    found = []
    for program in work:
        started = time.perf_counter()
        await run(program)
        found.append(1e3 * (time.perf_counter() - started))
    return found


async def measure(systems: dict[str, Run], rounds: int, count: int) -> dict[str, dict[str, float]]:
    """Rates and latencies of all systems, taking turns."""
    rates: dict[str, list[float]] = {name: [] for name in systems}
    times: dict[str, list[float]] = {name: [] for name in systems}
    number = 0
    for name, run in systems.items():  # everything starts now, and agrees
        expected = await systems["fresh"](programs(1, 0)[0])
        assert await run(programs(1, 0)[0]) == expected, name
    for _ in range(rounds):
        for name, run in systems.items():
            number += 10 * count
            at_once = {"pebble": 1, "fresh": 2, "fresh_bare": 2}.get(name, 8)
            rates[name].append(await rate(run, programs(count, number), at_once))
            times[name] += await latencies(run, programs(count // 5, number + count))
    return {
        name: {
            "programs_per_s": round(statistics.median(rates[name]), 1),
            "latency_ms": round(statistics.median(times[name]), 2),
            "latency_p95_ms": round(statistics.quantiles(times[name], n=20)[-1], 2),
        }
        for name in systems
    }


def start_pebble(python: str) -> subprocess.Popen[str] | None:
    """A pebble worker, or None if pebble is not installed for ``python``."""
    process = subprocess.Popen(
        [python, "-c", PEBBLE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    if process.stdout.readline().strip() == "ready":
        return process
    process.kill()
    process.communicate()
    return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--programs", type=int, default=100, help="of each system, a round")
    parser.add_argument("--pebble-python", default=sys.executable)
    parser.add_argument("--json", action="store_true", help="one line, nothing else")
    options = parser.parse_args()
    levels = {
        "bubblewrap": Sandbox(num_workers=2),
        "subprocess": Sandbox(level="subprocess", allow_weak=True, num_workers=2),
    }
    systems: dict[str, Run] = {name: of_sandbox(sandbox) for name, sandbox in levels.items()}
    systems |= {"fresh": fresh("-I"), "fresh_bare": fresh("-I", "-S")}
    pebble = start_pebble(options.pebble_python)
    if pebble:
        systems["pebble"] = of_pebble(pebble)
    try:
        found = asyncio.run(measure(systems, options.rounds, options.programs))
    finally:
        for sandbox in levels.values():
            sandbox.close()
        if pebble:
            pebble.communicate()
    ours = found["bubblewrap"]["programs_per_s"]
    ratios = {
        name: round(ours / found[name]["programs_per_s"], 1) for name in ("fresh", "fresh_bare")
    }
    if options.json:
        print(json.dumps({"cores": os.cpu_count(), **found, "bubblewrap_over": ratios}))
        return
    for name, row in found.items():
        print(name.ljust(12), *(f"{key} {value}" for key, value in row.items()), sep="  ")
    print(
        f"bubblewrap runs {ratios['fresh']} times as many programs as fresh, "
        f"{ratios['fresh_bare']} times as many as fresh_bare"
    )


if __name__ == "__main__":
    main()
