"""Qwen2.5-Math's example for reward models."""

import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.data.labelled.math_cot_100 import read
from guerdon.errors import ConfigError

FILE = Path(__file__).parents[4] / "shared/data/math_cot_100/math_cot_100.jsonl"
ROW = {
    "question": "1+1?",
    "gt": "2",
    "level": "Level 1",
    "code": ["2", "3"],
    "score": [True, False],
}


def written(tmp_path, row):
    path = tmp_path / "cot.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return path


def test_every_solution_has_its_score(tmp_path):
    found = read(written(tmp_path, ROW))
    assert [(one.responses, one.label) for one in found] == [(("2",), "1"), (("3",), "0")]
    assert found[0].task.answer == "2" and found[0].task.domain == "Level 1"


def test_solutions_and_scores_that_differ_in_number_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"cot.jsonl:1"):
        read(written(tmp_path, ROW | {"score": [True]}))


@pytest.mark.skipif(not FILE.is_file(), reason="../shared/data is absent")
def test_the_published_file_is_read_whole():
    assert Counter(one.label for one in read(FILE)) == {"1": 281, "0": 15}
