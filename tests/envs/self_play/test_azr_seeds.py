import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.envs.self_play.azr_seeds import Finding, check_entries, read_entries
from guerdon.envs.self_play.code_tasks import as_kinds
from guerdon.envs.self_play.problems import Problem
from guerdon.errors import ConfigError

SEEDS = Path(__file__).parents[4] / "shared/data/azr_seeds"


def line(snippet, given="1", output="1", imports=()):
    return {"snippet": snippet, "input": given, "output": output, "imports": list(imports)}


LINES = [
    (line("def f(a):\n    return a"), Finding.good),
    (
        line("def f(a):\n    return math.pi > a", output="True", imports=["import math"]),
        Finding.good,
    ),
    (line("def f(a):\n    yield a", output=""), Finding.empty_output),
    (
        line(
            "def f(a):\n    return 'x' * 500",
            output=repr("x" * 199)[:-1] + "..." + "x" * 199 + "'",
        ),
        Finding.elided_output,
    ),
    (line("def f(a):\n    return a", output="2"), Finding.differs),
    (line("def f(a):\n    return a", given="int('1')"), Finding.not_literal),
    (line("def f(a):\n    return a", output="<object>"), Finding.not_literal),
    (line("def f(a):\n    return a +"), Finding.not_a_program),
    (line("import os\ndef f(a):\n    return a"), Finding.not_allowed),
    (line("def f(a):\n    return 1 // 0"), Finding.fails),
    (line("def f(a):\n    return hash('a')"), Finding.nondeterministic),
    (line("def f(a):\n    return 'x' * 500", output="'x'"), Finding.too_large),
    (line("def f(a):\n    return f"), Finding.not_plain),
]


def check(entries, workshop, kind=None):
    return asyncio.run(check_entries(entries, workshop, kind))


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_each_way_in_which_a_line_can_fail_is_told_apart(workshop, tmp_path):
    entries = read_entries(write(tmp_path / "seeds.jsonl", [row for row, _ in LINES]))
    found = check(entries, workshop)
    assert [each.finding for each in found] == [finding for _, finding in LINES]
    assert [each.problem is not None for each in found] == [f is Finding.good for _, f in LINES]


def test_a_line_of_several_inputs_is_induction_and_of_one_deduction_and_abduction(
    workshop, tmp_path
):
    rows = [
        {
            "snippet": "def f(a):\n    return -a",
            "inputs": ["1", "2"],
            "outputs": ["-1", "-2"],
            "message": "Turn.",
        },
        line("def f(a):\n    return a"),
    ]
    several, one = check(read_entries(write(tmp_path / "s.jsonl", rows)), workshop)
    assert several.problem == Problem(
        "code_f", rows[0]["snippet"], ("1", "2"), ("-1", "-2"), "Turn."
    )
    assert [each.kind for each in as_kinds(one.problem)] == ["code_o", "code_i"]


def test_error_seeds_are_checked_against_the_class_of_the_error(workshop, tmp_path):
    rows = [line("def f(a):\n    return 1 // 0", output="ZeroDivisionError")]
    rows += [line("def f(a):\n    return a", output="NoError"), line("def f(a):\n    return a")]
    found = check(read_entries(write(tmp_path / "e.jsonl", rows)), workshop, "code_e")
    assert [each.finding for each in found] == [Finding.good, Finding.good, Finding.differs]


def test_a_file_of_another_schema_is_refused_with_its_line(tmp_path):
    with pytest.raises(ConfigError, match=r"s.jsonl:2: a seed has the keys snippet"):
        read_entries(write(tmp_path / "s.jsonl", [line("x"), {"question": "?"}]))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_entries(tmp_path / "none.jsonl")


@pytest.mark.skipif(not SEEDS.exists(), reason="Absolute Zero's own seed files are not here")
@pytest.mark.parametrize("name", ["7b_seed_io", "7b_coder_seed_io", "llama_64_seed_io"])
def test_every_line_of_absolute_zeros_own_seeds_is_classified(workshop, name):
    found = check(read_entries(SEEDS / f"{name}.jsonl"), workshop)
    assert Counter(each.finding.name for each in found) == EXPECTED[name]


# Of the 638 lines of all five files 588 hold (`guerdon tasks check`). 12 outputs are cut and 6 are
# empty: the executor that wrote them did that. Of the 32 others no input could be a literal, or the
# program is not allowed or not deterministic. No program gives another output than was recorded.
EXPECTED = {
    "7b_coder_seed_io": {
        "good": 163,
        "elided_output": 6,
        "empty_output": 1,
        "not_plain": 2,
        "not_literal": 2,
        "nondeterministic": 2,
    },
    "7b_seed_io": {
        "good": 170,
        "elided_output": 1,
        "empty_output": 2,
        "not_allowed": 5,
        "not_plain": 2,
        "not_literal": 2,
    },
    "llama_64_seed_io": {
        "good": 41,
        "elided_output": 2,
        "empty_output": 1,
        "not_allowed": 3,
        "not_literal": 2,
        "not_plain": 1,
    },
}
