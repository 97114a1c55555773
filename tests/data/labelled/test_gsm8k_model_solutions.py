"""GSM8K's example model solutions."""

import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.data.labelled.gsm8k_model_solutions import MODELS, read
from guerdon.errors import ConfigError

FILE = Path(__file__).parents[4] / "shared/data/gsm8k_model_solutions/example_model_solutions.jsonl"

ROW = {"question": "1+1?", "ground_truth": "1 + 1 = <<1+1=2>>2\nA: 2"} | {
    model: {"is_correct": i % 2 == 0, "solution": f"A: {2 + i % 2}"}
    for i, model in enumerate(MODELS)
}


def written(tmp_path, row):
    path = tmp_path / "solutions.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return path


def test_four_models_answer_each_problem(tmp_path):
    found = read(written(tmp_path, ROW))
    assert [one.label for one in found] == ["1", "0", "1", "0"]
    assert [one.task.domain for one in found] == list(MODELS)
    assert {one.task.answer for one in found} == {"2"}
    assert len({one.task.id for one in found}) == 1


def test_a_row_without_a_final_number_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"solutions.jsonl:1: 'ground_truth' does not end"):
        read(written(tmp_path, ROW | {"ground_truth": "two"}))


@pytest.mark.skipif(not FILE.is_file(), reason="../shared/data is absent")
def test_the_published_file_is_read_whole():
    assert Counter(one.label for one in read(FILE)) == {"0": 1036, "1": 628}
