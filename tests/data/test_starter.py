"""Starter questions of our own: varied, different, and right."""

import datetime
import re
from collections import Counter
from itertools import pairwise, permutations

from guerdon.data.starter import starter_tasks

TASKS = starter_tasks(200, seed=5)


def of_kind(kind):
    return [(t.prompt[0]["content"], t.answer) for t in TASKS if t.info["kind"] == kind]


def test_questions_differ_and_all_kinds_have_about_the_same_share():
    assert (
        len({task.prompt[0]["content"] for task in TASKS})
        == len({task.id for task in TASKS})
        == 200
    )
    shares = Counter(task.info["kind"] for task in TASKS).values()
    assert len(shares) == 10 and max(shares) - min(shares) <= 4


def test_they_depend_on_the_seed_and_not_on_the_number():
    assert starter_tasks(20, seed=5) == TASKS[:20]
    assert starter_tasks(20, seed=6) != TASKS[:20]


def test_the_answers_to_queues_are_the_only_order_the_clues_allow():
    for text, answer in of_kind("queue"):
        names = text.split(" wait in")[0].split(", ")
        clues = re.findall(r"(\w+) stands somewhere (before|after) (\w+)", text)
        fitting = [
            order
            for order in permutations(names)
            if all((order.index(a) < order.index(b)) == (how == "before") for a, how, b in clues)
        ]
        assert fitting == [tuple(answer.split(", "))]


def test_the_answers_to_walks_dates_and_sequences_hold():
    for text, answer in of_kind("walk"):
        place = sum(
            int(length) * {"north": 1j, "south": -1j, "east": 1, "west": -1}[way]
            for length, way in re.findall(r"(\d+) (north|south|east|west)", text)
        )
        assert abs(place.real) + abs(place.imag) == int(answer)
    for text, answer in of_kind("calendar"):
        began, days = re.search(r"^(\d+ \w+ \d+) was.* exactly (\d+) days", text).groups()
        start = datetime.datetime.strptime(began, "%d %B %Y")
        end = start + datetime.timedelta(days=int(days))
        assert answer == end.strftime("%A, %d %B %Y")
    for text, answer in of_kind("sequence"):
        terms = [int(n) for n in re.search(r": ([\d, ]+), \.\.\.", text)[1].split(", ")]
        steps = [b - a for a, b in pairwise(terms)]
        assert int(answer) == terms[-1] + steps[-1] + (steps[1] - steps[0])


def test_only_writing_has_no_answer():
    assert {t.info["kind"] for t in TASKS if t.answer is None} == {"writing"}
