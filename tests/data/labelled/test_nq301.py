"""NQ301."""

import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.data.labelled.nq301 import read
from guerdon.errors import ConfigError

FILE = Path(__file__).parents[4] / "shared/data/nq301/NQ301_human.tsv"
HEAD = "id\tQuestion\tModel answer\tAcceptable?\tannotator1\n"


@pytest.fixture
def table(tmp_path):
    (tmp_path / "model_outputs").mkdir()
    output = {"question": "who?", "answer": ["Ann", "Anne"], "prediction": "x"}
    (tmp_path / "model_outputs/a.jsonl").write_text(json.dumps(output) + "\n")
    path = tmp_path / "NQ301_human.tsv"
    path.write_text(HEAD + '1\twho?\tit is "Ann", I think\tYes\tYes\n1\twho?\tBob\tNo\tNo\n')
    return path


def test_references_come_from_the_outputs_beside_the_table(table):
    right, wrong = read(table)
    assert (right.responses, right.label) == (('it is "Ann", I think',), "1")
    assert (wrong.responses, wrong.label) == (("Bob",), "0")
    assert right.task.info["answers"] == ["Ann", "Anne"]


def test_missing_references_are_named(table):
    table.write_text(HEAD + "1\twhen?\tnow\tYes\tYes\n")
    with pytest.raises(ConfigError, match=r"NQ301_human.tsv:2: its question has no reference"):
        read(table)
    (table.parent / "model_outputs/a.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"model_outputs/\*\.jsonl"):
        read(table)


@pytest.mark.skipif(not FILE.is_file(), reason="../shared/data is absent")
def test_the_published_table_is_read_whole():
    assert Counter(one.label for one in read(FILE)) == {"1": 546, "0": 443}
