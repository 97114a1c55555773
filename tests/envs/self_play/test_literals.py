import ast
import math
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guerdon.envs.self_play.literals import (
    NotLiteral,
    canonical,
    read_arguments,
    read_value,
    same,
    show,
    show_arguments,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
)
HASHED = st.none() | st.integers() | st.text(max_size=4) | st.tuples(st.integers(), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(HASHED, max_size=3)
        | st.frozensets(HASHED, max_size=3)
        | st.dictionaries(HASHED, inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(value=VALUES)
@example(1.5e308 + 1.5e308j)  # finite, and its absolute value is not
def test_what_is_shown_is_read_as_the_same_value(value):
    assert same(read_value(show(value)), value)


@settings(deadline=None, max_examples=100)
@given(args=st.lists(VALUES, max_size=3), named=st.dictionaries(st.sampled_from("abc"), VALUES))
def test_shown_arguments_are_read_as_the_same_arguments(args, named):
    read = read_arguments(show_arguments(args, named))
    assert canonical(list(read)) == canonical([args, named])


@settings(deadline=None, max_examples=200)
@given(value=VALUES)
def test_a_literal_is_read_as_the_standard_library_reads_it(value):
    text = repr(value)
    try:
        expected = ast.literal_eval(text)
    except ValueError:
        return  # inf, nan and frozenset are no literals of the standard library
    assert same(read_value(text), expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("  [1, 2]\n", [1, 2]),
        ("set()", set()),
        ("frozenset({1})", frozenset({1})),
        ("dict(a=1)", {"a": 1}),
        ("-inf", -math.inf),
        ("[float('nan')]", [math.nan]),
        ("-3+4j", -3 + 4j),
        ("'a' 'b'", "ab"),
        (r"'\d'", "\\d"),
        ("1_000", 1000),
        ("complex(-0.0, float('inf'))", complex(-0.0, math.inf)),
    ],
)
def test_what_else_a_plain_value_is_written_as(text, value):
    assert same(read_value(text), value)


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "1 + 1", "2 * 3", "f(1)", "x", "...", "[*[1]]", "{**{}}", "lambda: 1",
        "[i for i in ()]", "f'{1}'", "(y := 1)", "1 if True else 2", "not True", "~1", "-True",
        "-'a'", "a.b", "a[0]", "__import__('os')", "set({1: 2})", "float(1)", "float('1.5')",
        "dict([(1, 2)])", "dict(**{})", "frozenset(1)", "{[]}", "{{}: 1}", "1; 2",
        "await x", "yield", "open('/etc/passwd')", "1" * 5000, "0x" + "f" * 5000, "b" * 30_000,
        "[" * 70 + "]" * 70, "(" * 5000, "-" * 9000 + "1", "1+" * 9000 + "1j",
        "\x00",
    ],
)  # fmt: skip
def test_what_is_no_literal_is_refused(text):
    with pytest.raises(NotLiteral):
        read_value(text)


@pytest.mark.parametrize(
    "text",
    [
        "0) or True or (0", "1) + f(2", "1); print(2", "*[1]", "**{'a': 1}", "x", "i for i in (1,)",
        "1 # )", "1)\nimport os\n(", "a=1, 2", "a=1, a=2", ")(", "1, f(2)",
    ],
)  # fmt: skip
def test_arguments_that_are_not_exactly_arguments_are_refused(text):
    if text == "1 # )":  # a comment ends with its line
        assert read_arguments(text) == ([1], {})
        return
    with pytest.raises(NotLiteral):
        read_arguments(text)


def test_numbers_are_compared_exactly_or_as_python_does():
    for one, two in [(1, True), (1, 1.0), (0.0, -0.0), ([1, (2,)], [1.0, (2 + 0j,)])]:
        assert not same(one, two)
        assert same(one, two, "equal")
    assert not same([1], (1,), "equal") and not same(1, "1", "equal")
    assert same(math.nan, math.nan) and same({1: 2, 3: 4}, {3: 4, 1: 2})


def test_reading_runs_nothing(tmp_path: Path):
    target = tmp_path / "touched"
    for text in (
        f"open({str(target)!r}, 'w')",
        f"__import__('pathlib').Path({str(target)!r}).touch()",
    ):
        with pytest.raises(NotLiteral):
            read_value(text)
        with pytest.raises(NotLiteral):
            read_arguments(text)
    assert not target.exists()
