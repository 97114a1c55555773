"""Which reader a file wants."""

import json

import pytest

from guerdon.data.labelled.formats import FORMATS, ROWS, read_labelled, recognise
from guerdon.errors import ConfigError


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"nq301"}))
def test_published_files_are_recognised_by_their_keys(name, tmp_path):
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps(dict.fromkeys(FORMATS[name].keys, "x")) + "\n")
    assert recognise(path) == name


def test_a_table_is_recognised_by_its_head(tmp_path):
    path = tmp_path / "file.tsv"
    path.write_text("id\tQuestion\tModel answer\tAcceptable?\n")
    assert recognise(path) == "nq301"


def test_any_other_file_has_columns_of_its_own(tmp_path):
    path = tmp_path / "file.jsonl"
    row = {"question": "2+2", "answer": "4", "response": "4", "label": 1}
    path.write_text(json.dumps(row) + "\n")
    assert recognise(path) == ROWS
    assert len(read_labelled(path)) == 1


def test_no_such_file_and_no_such_format_are_said(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_labelled(tmp_path / "none.jsonl")
    (tmp_path / "file.txt").write_text("hello\n")
    with pytest.raises(ConfigError, match="one of: gsm8k_model_solutions"):
        read_labelled(tmp_path / "file.txt", "gsm9k")


def test_a_folder_is_known_by_its_name(tmp_path):
    folder = tmp_path / "math_cot_100"
    folder.mkdir()
    row = {"question": "1+1?", "gt": "2", "level": "1", "code": ["2"], "score": [True]}
    (folder / "math_cot_100.jsonl").write_text(json.dumps(row) + "\n")
    assert len(read_labelled(folder)) == 1
    with pytest.raises(ConfigError, match="no format 'mine'; give --format"):
        read_labelled(folder.rename(tmp_path / "mine"))
