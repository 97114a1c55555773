"""EVOUNA."""

import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.data.labelled.evouna import SYSTEMS, read
from guerdon.errors import ConfigError

FOLDER = Path(__file__).parents[4] / "shared/data/evouna"
ROW = {"question": "who?", "golden_answer": "Ann/Anne ", "improper": False} | {
    f"{what}_{system}": answer
    for system in SYSTEMS
    for what, answer in (("answer", "Anne"), ("judge", True))
}


def written(tmp_path, *rows):
    path = tmp_path / "NQ.json"
    path.write_text(json.dumps(rows))
    return path


def test_five_systems_answer_and_golden_answers_are_split(tmp_path):
    found = read(written(tmp_path, ROW))
    assert [one.task.domain for one in found] == list(SYSTEMS)
    assert found[0].task.info["answers"] == ["Ann", "Anne"] and found[0].task.answer == "Ann"


def test_improper_questions_and_answers_nobody_judged_are_left_out(tmp_path):
    found = read(written(tmp_path, ROW | {"improper": True}, ROW | {"judge_fid": None}))
    assert [one.task.domain for one in found] == list(SYSTEMS[1:])


def test_a_row_without_golden_answer_is_named(tmp_path):
    with pytest.raises(ConfigError, match="item 1: 'golden_answer' is empty"):
        read(written(tmp_path, ROW | {"golden_answer": " / "}))


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize(("name", "number"), [("NQ", 1915), ("TQ", 2345)])
def test_the_published_files_are_read_whole(name, number):
    labels = Counter(one.label for one in read(FOLDER / f"{name}.json"))
    assert labels.total() == number and set(labels) == {"0", "1"}
