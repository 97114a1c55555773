"""What a report amounts to."""

from typing import Any

import pytest

from guerdon.sandbox.results import Report, Result, Status, judge, same


def report(claim: bytes = b'["ok",null]', **header: Any) -> Report:
    usual = {
        "reason": None,
        "exit": 0,
        "signal": None,
        "wall_s": 1.0,
        "cpu_s": 1.0,
        "memory_kb": 1024,
    }
    return Report(usual | header, claim, b"out", b"err")


def test_what_the_watcher_saw_comes_before_what_the_program_claims() -> None:
    assert judge(report(reason="timeout")).status is Status.timeout
    assert judge(report(exit=None, signal=9)).status is Status.killed
    assert judge(report(exit=1)).status is Status.killed
    assert judge(report(exit=None, signal=24)).status is Status.timeout


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (b'["ok",{"tuple":[1]}]', Status.ok),
        (b'["exception","Timeout Error","no error"]', Status.exception),
        (b'["memory"]', Status.out_of_memory),
        (b"", Status.killed),
        (b'["ok",1]["ok",2]', Status.refused),
        (b'["ok"]', Status.refused),
        (b'["ok",1,2]', Status.refused),
        (b'{"ok":1}', Status.refused),
        (b'["nondeterministic"]', Status.refused),
        (b'["exception",1,2]', Status.refused),
        (b"null", Status.refused),
    ],
)
def test_a_claim_must_be_one_well_formed_report(claim: bytes, status: Status) -> None:
    assert judge(report(claim)).status is status


def test_results_are_the_same_by_type_and_not_by_usage() -> None:
    assert same(Result(Status.ok, value={1, 2}), judge(report(b'["ok",{"set":[2,1]}]'))) is False
    assert same(Result(Status.ok, value=[1]), Result(Status.ok, value=[1]))
    assert not same(Result(Status.ok, value=1), Result(Status.ok, value=True))
