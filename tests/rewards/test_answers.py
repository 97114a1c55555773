"""Where the final answer of a solution is, and when two plain numbers are the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.rewards.answers import find_answer, same_number, stated_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{72}.", "72"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{x = \boxed{3}}", "3"),
        (r"\boxed{5} and then \boxed{6", "5"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed {7}", "7"),
        (r"\fbox{8}", "8"),
        (r"\boxed{9} #### 10", "9"),
        ("reasoning\n#### 1,234", "1,234"),
        ("#### 1\n#### 2 \n", "2"),
        ("The answer is 18.", "18"),
        ("the answer is 18 apples. There are 3 more.", "18"),
        ("the answer is 3.5", "3.5"),
        ("**Answer:** $\\frac{3}{4}$ of it", r"\frac{3}{4}"),
        ("The final answer is \\(x+1\\).", "x+1"),
        ("The answer to the second question is: 12", "12"),
        ("answer = $5 and not $6", "5"),
        ("The answer is $18.", "18"),
        ("A: 18", "18"),
        ("A: -1.8 billion", "-1.8 billion"),
        ("The answer is 1. Wait. The answer is 2.", "2"),
        (r"\boxed{1{,}000}", "1,000"),
        (r"\boxed{$-5$}", "-5"),
    ],
)
def test_the_final_answer_is_found(text: str, answer: str) -> None:
    assert find_answer(text) == answer


@pytest.mark.parametrize(
    "text", ["", "18", r"\boxed{}", r"\boxed{18", "I cannot answer this", "}{"]
)
def test_a_text_that_states_no_answer_has_none(text: str) -> None:
    assert find_answer(text) is None


def test_boxed_only_sees_nothing_else() -> None:
    assert find_answer("#### 5", boxed_only=True) is None
    assert find_answer(r"#### 5 \boxed{6}", boxed_only=True) == "6"


@given(st.text(alphabet="\\boxed{}f#A: is\n$().5", max_size=300))
def test_no_text_breaks_the_search(text: str) -> None:
    answer = find_answer(text)
    assert answer is None or (answer == answer.strip() and "$" not in answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{\frac{\sqrt{a_{1}}}{2}}", r"\frac{\sqrt{a_{1}}}{2}"),  # three levels of braces
        (r"\boxed{3} or \boxed{4", "3"),
        (r"\boxed{1}, no: \boxed{ 2 }", "2"),
        (r"Answer: 7. So \boxed{$5$}", "$5$"),
        ("Final Answer: St. Louis, Missouri", "St. Louis, Missouri"),  # ends with the text
        ("Final Answer is: 4\nThat is all.", "4"),
        ("The answer is: 1\nThe solution is: 2\n", "2"),
        ("Solution: x = 1<|im_end|>", "x = 1"),
        ("Answer: 5</s> <|endoftext|>", "5"),
        ("**Answer:** yes", "yes"),
    ],
)
def test_a_stated_answer_is_taken_as_it_is_written(text: str, answer: str) -> None:
    assert stated_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    ["", "18", r"\boxed{}", r"\boxed{{}}", r"\boxed{18", r"The answer is \boxed{18", "Answer:\n18"],
)
def test_an_empty_or_open_box_or_line_states_nothing(text: str) -> None:
    assert stated_answer(text) is None


@given(st.integers(), st.integers())
def test_integers_compare_exactly(a: int, b: int) -> None:
    if len(str(a)) <= 30 and len(str(b)) <= 30:
        assert same_number(str(a), str(b)) is (a == b)
        assert same_number(f"{a:,}", str(a)) is True


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("5", "5.00", True),
        ("0.5", "+0.50", True),
        ("0.3", "0.4", False),
        ("1,000", "1000.0", True),
        ("0.3333333", "0.3333334", None),
        ("123456789.5", "123456789.6", None),
        ("1,00", "100", None),
        (".5", "0.5", None),
        ("50%", "50", None),
        ("1/2", "0.5", None),
        ("x", "x", None),
        ("٣", "3", None),
    ],
)
def test_only_plain_numbers_far_enough_apart_are_decided(
    gold: str, answer: str, same: bool | None
) -> None:
    assert same_number(gold, answer) is same


@given(st.decimals(-(10**7), 10**7, places=3), st.decimals(-(10**7), 10**7, places=3))
def test_decimals_of_three_places_are_always_decided(a: Decimal, b: Decimal) -> None:
    assert same_number(f"{a:f}", f"{b:f}") is (a == b)
