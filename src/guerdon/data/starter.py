"""Starter questions of our own, made by rule: something to begin self-play with where no data set
is at hand. Ten kinds, from shopping to scheduling; most have an answer that was computed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import combinations, count, permutations

from guerdon.types import Message, Task, derive_seed

DOMAIN = "starter"

Question = tuple[str, str | None]
"""The text, and its answer where there is exactly one."""
Maker = Callable[[random.Random], Question]

_NAMES = ("Ada", "Ben", "Chen", "Dara", "Emil", "Fatou", "Gita", "Hugo", "Ines", "Jonas")
_GOODS = ("pens", "lamps", "mugs", "maps", "candles", "notebooks", "kites", "baskets")
_WORDS = ("lantern", "harvest", "compass", "orchard", "glacier", "whistle", "pottery", "meadow")


def starter_tasks(num_tasks: int, seed: int = 0) -> list[Task]:
    """Different questions, all kinds in turn; the first ones are the same for any number."""
    tasks: dict[str, Task] = {}
    for number in count():
        if len(tasks) == num_tasks:
            break
        kind = list(_MAKERS)[number % len(_MAKERS)]
        text, answer = _MAKERS[kind](random.Random(derive_seed(seed, "starter", number)))
        prompt: Message = {"role": "user", "content": text}
        task = Task(f"starter/{number}", (prompt,), answer, DOMAIN, {"kind": kind})
        tasks.setdefault(text, task)
    return list(tasks.values())


def _shopping(draw: random.Random) -> Question:
    one, two = draw.sample(_GOODS, 2)
    counts, prices = (
        (draw.randint(3, 9), draw.randint(3, 9)),
        (draw.randint(2, 9), draw.randint(2, 9)),
    )
    off = draw.choice((10, 20, 25, 50))
    total = counts[0] * prices[0] + counts[1] * prices[1]
    paid = f"{total * (100 - off) / 100:.2f}"
    return (
        f"{draw.choice(_NAMES)} buys {counts[0]} {one} at {prices[0]} euros each and {counts[1]} "
        f"{two} at {prices[1]} euros each. At the till {off} percent are taken off the sum. How "
        "much is to be paid, in euros with two decimals?",
        paid,
    )


def _sequence(draw: random.Random) -> Question:
    terms = [draw.randint(1, 9)]
    step, growth = draw.randint(2, 9), draw.randint(1, 5)
    for _ in range(6):
        terms.append(terms[-1] + step)
        step += growth
    shown = ", ".join(map(str, terms[:-1]))
    return (
        f"The differences between neighbours in this sequence grow by the same number every time: "
        f"{shown}, ... Which number comes next?",
        str(terms[-1]),
    )


def _counting(draw: random.Random) -> Question:
    low, high = draw.randint(10, 60), draw.randint(150, 400)
    yes, no = draw.sample((3, 4, 5, 7, 9), 2)
    found = sum(n % yes == 0 and n % no != 0 for n in range(low, high + 1))
    return (
        f"How many whole numbers from {low} to {high}, both included, are divisible by {yes} but "
        f"not by {no}?",
        str(found),
    )


def _calendar(draw: random.Random) -> Question:
    start = date(2001, 1, 1) + timedelta(days=draw.randrange(9000))
    days = draw.randint(40, 400)
    end = start + timedelta(days=days)
    return (
        f"{start:%d %B %Y} was a {start:%A}. Which date, and which day of the week, came exactly "
        f"{days} days later?",
        f"{end:%A}, {end:%d %B %Y}",
    )


def _queue(draw: random.Random) -> Question:
    people = draw.sample(_NAMES, 5)
    place = {name: number for number, name in enumerate(people)}
    clues = [
        (f"{a} stands somewhere before {b}", lambda p, a=a, b=b: p[a] < p[b])
        if place[a] < place[b]
        else (f"{a} stands somewhere after {b}", lambda p, a=a, b=b: p[a] > p[b])
        for a, b in combinations(sorted(people), 2)
    ]
    draw.shuffle(clues)
    orders = [{name: i for i, name in enumerate(order)} for order in permutations(sorted(people))]
    used: list[str] = []
    for text, holds in clues:  # as many as it takes until one order is left, none that says nothing
        left = [order for order in orders if holds(order)]
        if len(left) < len(orders):
            used, orders = [*used, text], left
    said = ". ".join(used)
    return (
        f"{', '.join(sorted(people))} wait in one queue. {said}. In which order do they stand, "
        "first to last?",
        ", ".join(people),
    )


def _walk(draw: random.Random) -> Question:
    moves = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
    steps = [(draw.choice(list(moves)), draw.randint(1, 9)) for _ in range(6)]
    x = sum(moves[way][0] * length for way, length in steps)
    y = sum(moves[way][1] * length for way, length in steps)
    told = ", ".join(f"{length} {way}" for way, length in steps)
    return (
        f"A robot on a square grid moves as follows: {told}. How many squares must it move at "
        "least to be back where it began, if it can only move along the grid?",
        str(abs(x) + abs(y)),
    )


def _letters(draw: random.Random) -> Question:
    word = draw.choice(_WORDS)
    shift, first = draw.randint(1, 5), draw.choice((True, False))
    turned = word[::-1]
    moved = turned[shift:] + turned[:shift]
    vowels = "aeiou"
    answer = "".join(c for c in moved if (c in vowels) != first)
    dropped = "vowels" if first else "consonants"
    return (
        f'Write the word "{word}" backwards. Move its first {shift} letters, in their order, to '
        f"the end. Then strike out all {dropped} (vowels are a, e, i, o, u). What is left?",
        answer,
    )


def _program(draw: random.Random) -> Question:
    n, a, b = draw.randint(6, 12), draw.randint(2, 5), draw.randint(1, 4)
    total = 0
    for i in range(1, n + 1):
        total = total + a * i if i % 3 else total - b
    return (
        "What does this Python program print?\n\n"
        f"total = 0\nfor i in range(1, {n} + 1):\n    if i % 3:\n        total = total + {a} * i\n"
        f"    else:\n        total = total - {b}\nprint(total)",
        str(total),
    )


def _schedule(draw: random.Random) -> Question:
    minutes = [draw.randint(3, 20) for _ in range(6)]
    whole = sum(minutes)
    best = min(
        max(sum(chosen), whole - sum(chosen))
        for size in range(len(minutes) + 1)
        for chosen in combinations(minutes, size)
    )
    told = ", ".join(map(str, minutes))
    return (
        f"Six jobs take {told} minutes. Two machines work side by side; each does one job at a "
        "time and finishes what it began. What is the shortest time in which all jobs can be done, "
        "and how are they shared out?",
        f"{best} minutes",
    )


def _writing(draw: random.Random) -> Question:
    num_words, about = draw.randint(12, 20), draw.choice(_WORDS)
    letter, banned = draw.choice("bcdfghlmnprstw"), draw.choice(("and", "the", "of", "is"))
    return (
        f'Write one sentence of exactly {num_words} words about the word "{about}". Its first '
        f'word begins with the letter {letter}, and the word "{banned}" does not occur in it. Then '
        "check each of these rules in one line.",
        None,
    )


_MAKERS: dict[str, Maker] = {
    "shopping": _shopping,
    "sequence": _sequence,
    "counting": _counting,
    "calendar": _calendar,
    "queue": _queue,
    "walk": _walk,
    "letters": _letters,
    "program": _program,
    "schedule": _schedule,
    "writing": _writing,
}
