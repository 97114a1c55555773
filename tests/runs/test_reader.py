from pathlib import Path

import pytest

from guerdon.runs import reader


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step_000020", 20),
        ("step_000020.jsonl", 20),
        ("step_1234567", 1234567),
        ("step_000020.tmp", None),
        ("step_20", None),
        ("notes", None),
    ],
)
def test_the_step_of_a_file_is_in_its_name(name, step):
    assert reader.step_of(Path(name)) == step


def test_a_run_without_metrics_has_no_rows(tmp_path):
    assert reader.read_metrics(tmp_path) == []
