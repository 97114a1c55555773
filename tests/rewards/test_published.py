import pytest

from guerdon.rewards.published import gsm8k_score, last_number, math_answer, same_text_or_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("first 3, then 1,234.5!", 1234.5),
        ("-7", -7),
        ("x = +2.50", 2.5),
        ("12,34", 34),  # no thousands: two numbers
        ("#### 72\n", 72),
        ("3-5", -5),
        ("none", None),
    ],
)
def test_the_last_number_counts_without_its_commas(text: str, number: float | None) -> None:
    assert last_number(text) == number


def test_gsm8k_is_right_to_a_millionth() -> None:
    assert gsm8k_score("72", "The answer is 72.0000005") == 1
    assert gsm8k_score("72", "The answer is 72.00001") == 0
    assert gsm8k_score("1,000", "So 1000") == 1 and gsm8k_score("72", "seventy") == 0


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{1} and \boxed{ \frac{1}{2} }", r"\frac{1}{2}"),
        (r"\boxed{\sqrt{\frac{1}{2}}}", r"\boxed{\sqrt{\frac{1}{2}}}"),  # nested twice: no box
        ("We add. It is 7.", "It is 7."),
        ("It is 7.\n", "It is 7."),
        ("Is it 2.5? So 3.5 it is", "Is it 2.5? So 3.5 it is"),  # no end after a digit
        ("Is it? So 3.5 it is", "So 3.5 it is"),
        ("", ""),
    ],
)
def test_a_solutions_answer_is_its_last_box_or_sentence(text: str, answer: str) -> None:
    assert math_answer(text) == answer


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("x", "x", True),
        ("1,000", "1000.0009", True),
        ("5", "5.01", False),
        ("50%", "0.5", True),
        (r"50\%", "0.5004", True),
        (r"\frac{1}{2}", "0.5", None),
        ("x%", "x", None),
    ],
)
def test_texts_and_numbers_are_compared_before_expressions(
    gold: str, answer: str, same: bool | None
) -> None:
    assert same_text_or_number(gold, answer) is same
