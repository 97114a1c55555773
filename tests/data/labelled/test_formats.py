"""Which reader a file wants."""

import json

import pytest

from guerdon.data.labelled.formats import KEYS, ROWS, read_labelled, recognise
from guerdon.errors import ConfigError


@pytest.mark.parametrize("name", sorted(set(KEYS) - {"nq301"}))
def test_published_files_are_recognised_by_their_keys(name, tmp_path):
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps(dict.fromkeys(KEYS[name], "x")) + "\n")
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
    with pytest.raises(ConfigError, match="there are: gsm8k_model_solutions"):
        read_labelled(tmp_path / "file.txt", "gsm9k")
