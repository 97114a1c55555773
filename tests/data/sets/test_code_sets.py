import pytest

from guerdon.data.sets.humaneval import HUMANEVAL
from guerdon.data.sets.mbpp import MBPP

HUMAN = {
    "task_id": "HumanEval/7",
    "prompt": 'def helper(x):\n    return x + 1\n\n\ndef f(x):\n    """Twice.\n    >>> f(1)\n'
    '    2\n    >>> f(3)\n    6\n    """\n',
    "entry_point": "f",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(5) == 10\n",
}
MB = {
    "task_id": 602,
    "text": "Write a function to double.",
    "code": "def dbl(x): \r\n  return 2*x ",
    "test_list": ["assert dbl(1) == 2", "assert dbl(2) == 4"],
    "test_setup_code": "",
}


def test_humaneval_has_public_tests_that_its_check_does_not_hold() -> None:
    [record] = HUMANEVAL.read(HUMAN, "test")
    assert record.public_tests == ("assert candidate(3) == 6",)
    assert record.test == record.hidden_test == HUMAN["test"]
    assert "def helper" in record.setup and "def f" not in record.setup
    assert record.reference_answer.endswith("return 2 * x\n")
    [aflow] = HUMANEVAL.read(HUMAN | {"task_id": "HumanEval_7"}, "test")
    assert aflow.id == record.id == "humaneval/7"


def test_mbpp_names_its_function_and_shows_its_first_test() -> None:
    [record] = MBPP.read(MB, "all")
    assert record.question == "Write a function to double.\n\ndef dbl(x):"
    assert "\r" not in record.reference_answer and record.split == "train"
    assert record.public_tests == ("assert candidate(1) == 2",)
    assert record.hidden_test == "def check(candidate):\n    assert candidate(2) == 4\n"
    assert record.test.count("assert") == 2


@pytest.mark.parametrize(
    ("number", "split"),
    [(1, "train"), (11, "test"), (510, "test"), (511, "validation"), (601, "train")],
)
def test_mbpp_numbers_say_the_split(number: int, split: str) -> None:
    assert MBPP.read(MB | {"task_id": number}, "all")[0].split == split


def test_mbpp_of_aflow_and_mbpp_plus_are_the_same_problems() -> None:
    aflow = {"task_id": 602, "prompt": "Double.\n\ndef dbl(x):", "code": MB["code"],
             "test_list": MB["test_list"], "test_imports": ["import math"],
             "entry_point": "dbl"}  # fmt: skip
    [record] = MBPP.read(aflow, "all")
    assert record.question == "Double.\n\ndef dbl(x):" and record.setup == "import math"
    plus = {"task_id": "Mbpp/602", "prompt": '"""\nDouble.\nassert dbl(1) == 2\n"""\n',
            "entry_point": "dbl", "canonical_solution": "\ndef dbl(x):\n  return 2*x\n",
            "assertion": "\nassert dbl(1) == 2\nassert dbl(2) == 4\n"}  # fmt: skip
    [other] = MBPP.read(plus, "all")
    assert other.id == record.id and other.question == "Double.\n\ndef dbl(x):"
    assert other.test == record.test


def test_a_problem_with_one_test_has_no_public_one() -> None:
    [record] = MBPP.read(MB | {"test_list": MB["test_list"][:1]}, "all")
    assert record.public_tests == () and record.hidden_test == record.test


def test_a_problem_whose_tests_make_objects_of_the_solution_is_refused() -> None:
    row = MB | {"code": "class Node:\n    pass\ndef dbl(x):\n    return x",
                "test_setup_code": "root = Node()"}  # fmt: skip
    with pytest.raises(ValueError, match="own class Node"):
        MBPP.read(row, "all")
