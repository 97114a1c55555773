"""`guerdon sandbox check`: every attack is held, and an attack that is not would be seen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import guerdon
from guerdon.sandbox import Result, Status
from guerdon.sandbox.attacks import ATTACKS
from guerdon.sandbox.attacks.attack import Attack
from guerdon.sandbox.check import check


def test_every_attack_is_held_by_bubblewrap_and_json_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "guerdon", "sandbox", "check", "--json"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(guerdon.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    *lines, last = done.stdout.splitlines()
    found = json.loads(last)
    assert found["level"] == "bubblewrap" and len(found["attacks"]) == len(ATTACKS) + 3
    assert [attack["name"] for attack in found["attacks"] if not attack["held"]] == []
    assert len(lines) == len(found["attacks"]) + 1 and done.returncode == 0


def test_what_subprocess_does_not_hold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"read_host_file", "write_host_file", "path_traversal", "proc", "tcp", "fork_bomb",
             "signal_host", "environment", "descriptors"}  # fmt: skip
    chosen = tuple(attack for attack in ATTACKS if attack.name in names)
    monkeypatch.setattr("guerdon.sandbox.check.ATTACKS", chosen)
    open_doors = {finding.name for finding in check("subprocess") if not finding.held}
    assert open_doors == {"read_host_file", "write_host_file", "path_traversal", "proc"}


def test_names_are_unique() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 30


def test_an_attack_is_held_only_if_it_ended_as_it_should_without_breach_or_answer() -> None:
    attack = Attack("a", "b", "")
    assert attack.is_held(Result(Status.ok, value=6), 7)
    assert not attack.is_held(Result(Status.ok, value=7), 7)
    assert not attack.is_held(Result(Status.ok, output="BREACH"), 7)
    assert not attack.is_held(Result(Status.exception), 7)
