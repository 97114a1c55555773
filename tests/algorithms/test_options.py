from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import pytest

from guerdon.algorithms import GRPO, PPO, RLOO, GiGPO, ReinforcePP
from guerdon.algorithms.options import check_choice, check_number

PAGE = Path(__file__).parents[2] / "docs" / "algorithms.md"


@dataclass
class Knob:
    value: object = 1.0
    way: Literal["up", "down"] = "up"


@pytest.mark.parametrize("value", [None, 0.0, 1, 0.5])
def test_a_number_inside_its_bounds_or_none_is_fine(value):
    assert check_number(Knob(value), "value", low=0.0, high=1.0) == []


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5"])
def test_anything_else_is_named_with_the_bounds(value):
    assert check_number(Knob(value), "value", low=0.0, high=1.0) == [
        f"Knob.value is {value!r}: give a number at least 0 and at most 1"
    ]


def test_a_bound_may_be_open():
    assert check_number(Knob(0.0), "value", above=0.0) == [
        "Knob.value is 0.0: give a number above 0"
    ]


def test_a_choice_is_one_of_its_literals():
    assert check_choice(Knob(), "way") == []
    assert check_choice(Knob(way="left"), "way") == ["Knob.way is 'left': give one of up, down"]


@pytest.mark.parametrize("algorithm", [GRPO, PPO, RLOO, GiGPO, ReinforcePP])
def test_every_key_is_on_the_page(algorithm):
    page = PAGE.read_text()
    for field in fields(algorithm):
        if field.init:
            assert f"`{field.name}`" in page, field.name
