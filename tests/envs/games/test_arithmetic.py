"""Arithmetic on text: exact values, and refusal of everything else."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.envs.games.arithmetic import NotArithmetic, evaluate, shown


@pytest.mark.parametrize(
    ("text", "value", "numbers"),
    [
        ("3 + 4 * 2", 11, (3, 4, 2)),
        ("(3 + 4) * 2", 14, (3, 4, 2)),
        ("1 / 3", Fraction(1, 3), (1, 3)),
        ("-(2 - 5)", 3, (2, 5)),
        (" 6 \u00d7 7 \u00f7 2 \u2212 1 ", 20, (6, 7, 2, 1)),
        ("5", 5, (5,)),
    ],
)
def test_expressions_have_exact_values_and_their_numbers(text, value, numbers):
    assert evaluate(text) == (value, numbers)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("1" * 201, "too long"),
        ("1 +", "not an expression"),
        ("007", "not an expression"),
        ("1 / (2 - 2)", "division by zero"),
        ("2 ** 9", r"only \+ - \* / and brackets"),
        ("1.5 + 1", "only whole numbers"),
        ("True + 1", "only whole numbers"),
        ("__import__('os')", "only"),
        ("x", "only"),
        ("[1][0]", "only"),
        ("9" * 40, "reasonable size"),
        ("*".join(["9" * 20] * 3), "too large"),
        ("(" * 199, "not an expression"),
        ("1 if 1 else 2", "only"),
        ("~1", "only"),
    ],
)
def test_everything_else_is_refused_with_a_reason(text, says):
    with pytest.raises(NotArithmetic, match=says):
        evaluate(text)


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_no_text_does_anything_but_compute_or_be_refused(text):
    with contextlib.suppress(NotArithmetic):
        assert isinstance(evaluate(text)[0], Fraction)


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (Fraction(5, 2), "2.5"), (Fraction(-1, 8), "-0.125"), (Fraction(1, 3), "1/3")],
)
def test_numbers_are_shown_as_people_write_them(value, text):
    assert shown(Fraction(value)) == text
