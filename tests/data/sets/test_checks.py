import pytest

from guerdon.data.sets import checks


def test_assertions_become_a_check_of_a_candidate() -> None:
    source = checks.check_source(["assert f(1) == 2", "assert set(f(g)) == {f}"], "f")
    assert source == (
        "def check(candidate):\n    assert candidate(1) == 2\n"
        "    assert set(candidate(g)) == {candidate}\n"
    )


def test_no_assertions_or_broken_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="no tests"):
        checks.check_source([], "f")
    with pytest.raises(ValueError, match="cannot be parsed"):
        checks.check_source(["assert f(1 == 2"], "f")


def test_the_hidden_part_lacks_the_public_tests_however_they_are_written() -> None:
    test = (
        "def check(candidate):\n    assert (candidate( 1 ) == 2), 'message'\n"
        "    assert candidate(2) == 4\n"
    )
    hidden = checks.hidden_part(test, ["assert candidate(1)==2"])
    assert hidden == "def check(candidate):\n    assert candidate(2) == 4\n"
    assert checks.hidden_part(hidden, ["assert candidate(2) == 4"]) == ""
    assert checks.overlap(test, ["assert candidate(1) == 2", "assert candidate(9) == 2"]) == [
        "assert candidate(1) == 2"
    ]


def test_the_function_under_test_is_the_one_of_the_code_that_the_tests_call() -> None:
    code = "def helper(x):\n    return x\ndef f(a, b=1):\n    return helper(a)"
    assert checks.called_function(["assert sorted(f(1)) == [1]"], code) == "f"
    assert checks.signature(code, "f") == "def f(a, b=1):"
    with pytest.raises(ValueError, match="call no function"):
        checks.called_function(["assert g(1)"], code)


@pytest.mark.parametrize(
    ("text", "test"),
    [
        (">>> f([1, 2], 0.5)\n[1]", "assert candidate([1, 2], 0.5) == [1]"),
        ("f(1) == 2", "assert candidate(1) == 2"),
        ("f('a(b)') ➞ 'x'  # why", "assert candidate('a(b)') == 'x'"),
        ("For f([]) => True.", "assert candidate([]) == True"),
        ("f(2) -> (1, -2)", "assert candidate(2) == (1, -2)"),
        ("f(x) == 2", None),
        ("def f(1): 2", None),
        ("f(1) is nothing", None),
    ],
)
def test_examples_of_a_description_become_tests(text: str, test: str | None) -> None:
    assert checks.examples(text, "f") == ([test] if test else [])
