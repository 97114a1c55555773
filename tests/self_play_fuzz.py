"""Mutated programs and answers against executor and comparer, each checked by a slow oracle.

    python tests/self_play_fuzz.py --number 10000

The oracle shares nothing with what it checks: it evaluates program and answer as Python, in a
process of its own inside the sandbox, and compares by walking both values. Counted are crashes
(anything but a grade), and answers graded right that the oracle does not find right.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from guerdon.envs.self_play.grading import Grader
from guerdon.envs.self_play.problems import Problem
from guerdon.envs.self_play.programs import Unfit, Workshop
from guerdon.sandbox import Limits, Sandbox

PROGRAMS = {
    "def f(a):\n    return 2 * a": ("3", "6", "'ab'", "'abab'"),
    "def f(a):\n    return sorted(set(a), key=str)": (
        "[3, 1, 3]",
        "[1, 3]",
        "'cab'",
        "['a', 'b', 'c']",
    ),
    "def f(a, b=1):\n    return (a + b, [a, b], {a: b})": (
        "1, 2",
        "(3, [1, 2], {1: 2})",
        "2",
        "(3, [2, 1], {2: 1})",
    ),
    "def f(a):\n    return {x for x in a if x % 2}": ("[1, 2, 3]", "{1, 3}", "[5]", "{5}"),
    "def f(s):\n    return s[::-1].upper()": ("'abc'", "'CBA'", "'é'", "'É'"),
    "def f(a):\n    return a / 4": ("1", "0.25", "-6", "-1.5"),
    "import math\ndef f(a):\n    return [math.gcd(a, 12), a > 5, None]": (
        "8",
        "[4, True, None]",
        "3",
        "[3, False, None]",
    ),
    "def f(a):\n    out = {}\n    for x in a: out[x] = out.get(x, 0) + 1\n    return out": (
        "'aab'",
        "{'a': 2, 'b': 1}",
        "[1]",
        "{1: 1}",
    ),
    "def f(a):\n    return complex(a, 1)": ("2", "(2+1j)", "0", "1j"),
    "def f(a):\n    return str(a).encode()": ("12", "b'12'", "None", "b'None'"),
}
PIECES = (
    "(", ")", "[", "]", "{", "}", ",", ":", "'", '"', "0", "1", "-", "+", ".", "j", " ", "\n", "\\",
    "True", "None", "nan", "inf", "set()", "frozenset", "lambda", "*", "**", "f(", "__eq__", "#",
    "print(", "e9", "_", "b'", "float('nan')", "or", "==", "é", "\x00", "1e400", ";", "return ",
    "yield ", "class A", "while True:", "0) or True or (0",
)  # fmt: skip

ORACLE = """
import json, sys
job = json.load(sys.stdin)
def same(a, b):
    if type(a) is not type(b):
        return False
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if type(a) is dict:
        return len(a) == len(b) and all(
            any(same(k, q) and same(a[k], b[q]) for q in b) for k in a)
    if type(a) in (set, frozenset):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    if type(a) in (float, complex):
        return repr(a) == repr(b)
    return a == b
known = {"set": set, "frozenset": frozenset, "dict": dict, "float": float,
         "inf": float("inf"), "nan": float("nan"), "__builtins__": {}}
def value(text):
    return eval(text.strip(), dict(known))
def call(program, given):
    space = {}
    exec(program, space)
    args, named = eval("(lambda *a, **k: (a, k))(" + given + "\\n)", dict(known))
    return space["f"](*args, **named)
kind, answer = job["kind"], job["answer"]
if kind == "code_o":
    right = same(value(answer), value(job["outputs"][0]))
elif kind == "code_i":
    right = same(call(job["program"], answer), value(job["outputs"][0]))
else:
    half = len(job["inputs"]) // 2
    pairs = list(zip(job["inputs"], job["outputs"]))[half:]
    right = all(same(call(answer, i), value(o)) for i, o in pairs)
print("\\noracle says", right, end="")
"""


@dataclass
class Count:
    """What a run found."""

    cases: int = 0
    right: int = 0
    crashes: list[str] = field(default_factory=list)
    false_right: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """Graded wrong although the oracle finds them right: no literals, for the most part."""
    stages: Counter[str] = field(default_factory=Counter)


def problems() -> list[Problem]:
    found = []
    for program, (one, got_one, two, got_two) in PROGRAMS.items():
        for given, got in ((one, got_one), (two, got_two)):
            found += [Problem(kind, program, (given,), (got,)) for kind in ("code_o", "code_i")]
        found.append(Problem("code_f", program, (one, two), (got_one, got_two), "hm"))
    return found


def mutated(text: str, draw: random.Random) -> str:
    """The text with up to three small changes; often none at all."""
    for _ in range(draw.choice((0, 1, 1, 2, 3))):
        at = draw.randrange(len(text) + 1)
        how = draw.randrange(6)
        if how == 0:
            text = text[:at] + text[at + 1 :]
        elif how == 1:
            text = text[:at] + draw.choice(PIECES) + text[at:]
        elif how == 2:
            text = text[:at] + draw.choice(PIECES) + text[at + 1 :]
        elif how == 3:
            to = min(len(text), at + draw.randrange(1, 6))
            text = text[:to] + text[at:to] + text[to:]
        elif how == 4:
            text = draw.choice(("({})", "[{}]", "{},", "-{}", "{} ", "+{}", "f({})")).format(text)
        else:
            text = text.replace(" ", draw.choice(("", "  ", "\t")), 1)
    return text


async def check(number: int, draw: random.Random, workshop: Workshop, count: Count) -> None:
    """One mutated answer, and the program it answers run with a mutated input."""
    problem = draw.choice(problems())
    answer = mutated(problem.answer, draw)
    grader = Grader(workshop=workshop)
    try:
        score = (await grader.grade(problem, answer)).score
        broken = mutated(problem.program, draw)
        try:
            workshop.look_at(broken)
            await workshop.run(broken, mutated(problem.inputs[0], draw), twice=True)
            count.stages["passes"] += 1
        except Unfit as unfit:
            count.stages[unfit.stage] += 1
    except Exception as error:  # the very thing that is looked for
        count.crashes.append(f"{number}: {error!r} on {answer!r}")
        return
    count.cases += 1
    job = {**{k: getattr(problem, k) for k in ("kind", "program", "inputs", "outputs")}}
    said = await workshop.sandbox.run(ORACLE, json.dumps({**job, "answer": answer}))
    truth = said.output.endswith("oracle says True")
    count.right += score == 1.0
    if score == 1.0 and not truth:
        count.false_right.append(f"{problem.kind} {answer!r} for {problem.outputs[0]!r}")
    if score != 1.0 and truth:
        count.missed.append(f"{problem.kind} {answer!r} for {problem.outputs[0]!r}")


async def fuzz(num_cases: int, seed: int, workshop: Workshop) -> Count:
    count = Count()
    for start in range(0, num_cases, 64):
        numbers = range(start, min(start + 64, num_cases))
        draws = [random.Random(f"{seed}/{number}") for number in numbers]
        pairs = zip(numbers, draws, strict=True)
        await asyncio.gather(*(check(n, draw, workshop, count) for n, draw in pairs))
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    sandbox = Sandbox(num_workers=2, limits=Limits(wall_s=1.0, memory_mb=256))
    started = time.perf_counter()
    count = asyncio.run(fuzz(chosen.number, chosen.seed, Workshop(sandbox=sandbox)))
    sandbox.close()
    print(
        f"{count.cases} cases in {time.perf_counter() - started:.0f} s; {count.right} graded right"
    )
    print(f"mutated programs: {dict(count.stages)}")
    print(f"crashes: {len(count.crashes)}", *count.crashes[:10], sep="\n  ")
    print(f"false right: {len(count.false_right)}", *count.false_right[:10], sep="\n  ")
    print(f"right for the oracle only: {len(count.missed)}", *count.missed[:10], sep="\n  ")


if __name__ == "__main__":
    main()
