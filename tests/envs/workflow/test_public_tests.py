"""Public tests are never hidden ones, however either is written."""

import pytest

from guerdon.envs.workflow.public_tests import overlap, public_tests
from guerdon.errors import ConfigError
from guerdon.types import Task


def task(public, hidden, answer=None):
    info = {"entry_point": "f", "public_tests": public, "tests": hidden}
    return Task("t", (), answer=answer, domain="code", info=info)


@pytest.mark.parametrize(
    "hidden",
    [
        ["assert f(1, 'a') == [2]"],
        ["assert candidate(1,'a')==[2], 'a message'"],
        'def check(candidate):\n    x = 1\n    assert candidate(1, "a") == [2]\n',
        [{"function": "f", "args": [1, "a"], "expected": [2]}],
        {"fn_name": "f", "inputs": [[1, "a"]], "outputs": [[2]]},
        "[\"assert f(1, 'a') == [2]\"]",
    ],
)
def test_a_public_test_that_is_hidden_too_is_found_in_every_form(hidden):
    shown = "assert f(1, 'a') == [2]"
    assert overlap(task([shown, "assert f(2, 'a') == [3]"], hidden)) == [shown]


def test_tests_that_differ_do_not_overlap():
    assert overlap(task(["assert f(1) == 2"], ["assert f(2) == 3", "assert f(1) == 3"])) == []
    assert overlap(task(["assert f(1) == 2"], [{"input": "1", "output": "2"}])) == []
    assert overlap(Task("t", (), answer="7")) == []


def test_a_test_that_cannot_be_parsed_is_compared_as_it_stands():
    assert overlap(task(["assert f(1) =="], ["assert f(1) =="])) == ["assert f(1) =="]


def test_public_tests_of_another_form_are_refused():
    with pytest.raises(ConfigError, match="must be a list of texts"):
        public_tests(task("assert f(1)", []))
    with pytest.raises(ConfigError, match="entry_point"):
        public_tests(Task("t", (), info={"public_tests": ["assert f(1)"]}))
