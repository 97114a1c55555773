from types import SimpleNamespace

import pytest

from guerdon.compat.configured import Configured, start
from guerdon.errors import ConfigError, RolloutError
from small_runs import configuration


@pytest.fixture
def run(tmp_path):
    return Configured(*configuration(tmp_path), ("this differs",))


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("interrupted", 130)])
def test_notes_are_said_and_the_outcome_is_the_exit_code(status, code, run, capsys):
    seen = []

    def train(given):
        seen.append(given)
        return SimpleNamespace(status=status)

    assert start(lambda: run, train) == code
    assert seen == [run]
    assert capsys.readouterr().err == "note: this differs\n"


def test_every_problem_is_a_line_and_nothing_is_trained(capsys):
    def wrong():
        raise ConfigError(["one", "two"])

    assert start(wrong, lambda _: pytest.fail("trained")) == 2
    assert capsys.readouterr().err == "error: one\nerror: two\n"


def test_a_run_that_fails_says_so(run, capsys):
    def train(_):
        raise RolloutError("the server died")

    assert start(lambda: run, train) == RolloutError.exit_code
    assert "error: the server died" in capsys.readouterr().err
