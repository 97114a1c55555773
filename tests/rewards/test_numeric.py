"""Plain numbers are decided, everything else is left to the next stage."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import ConfigError, RewardError
from guerdon.rewards.numeric import Numeric
from guerdon.types import Task


def score(gold: str | None, stated: str, tolerance: float = 1e-6) -> float:
    task = Task("t", (), answer=gold)
    return asyncio.run(Numeric(tolerance=tolerance)(task, rf"\boxed{{{stated}}}", {})).value


@pytest.mark.parametrize(
    ("gold", "stated", "worth"),
    [
        ("5", "5.00", 1),
        ("1,234", "$1234$", 1),
        ("1234.5", "1,234.5", 1),
        ("-3", "3", 0),
        (".5", "0.5", 1),
        ("6e23", "6E+23", 1),
        ("1000000", "1000001", 1),
        ("100000", "100001", 0),
        ("0", "0.0000001", 0),
    ],
)
def test_two_numbers_are_the_same_or_not(gold: str, stated: str, worth: float) -> None:
    assert score(gold, stated) == worth


def test_the_tolerance_is_relative() -> None:
    assert score("9.81", "9.8", 0.01) == 1
    assert score("9.81", "9.5", 0.01) == 0
    with pytest.raises(ConfigError, match="tolerance"):
        Numeric(tolerance=1.0)


@pytest.mark.parametrize(
    ("gold", "stated"),
    [("1/2", "0.5"), ("5", "5 cm"), ("50", "50\\%"), ("x", "5"), (None, "5"), ("1,00", "100"),
     ("e5", "5"), (".", "5"), ("9" * 41, "5"), ("5", "1e9999")],
)  # fmt: skip
def test_what_is_no_plain_number_is_left_to_others(gold: str | None, stated: str) -> None:
    with pytest.raises(RewardError, match="no plain number"):
        score(gold, stated)


def test_a_response_without_an_answer_is_wrong() -> None:
    assert asyncio.run(Numeric()(Task("t", (), answer="5"), "five", {})).value == 0


@given(st.text(alphabet="0123456789.,-+eE ", max_size=20))
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(RewardError):
        assert score("5", text) in (0, 1)
