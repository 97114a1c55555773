import json

import pytest

from guerdon.data.files import TaskFile


@pytest.fixture(autouse=True)
def cache_in_a_temporary_folder(tmp_path_factory, monkeypatch):
    datasets = pytest.importorskip("datasets")
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)


@pytest.fixture
def folder(tmp_path):
    for split, start, count in (("train", 0, 20), ("test", 15, 10)):
        rows = [{"question": f"{i}?", "answer": str(i)} for i in range(start, start + count)]
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return tmp_path


def test_a_folder_is_loaded_by_split_and_evaluated_on_another(folder):
    sets = TaskFile(path=str(folder), eval_split="test").load()
    assert [task.answer for task in sets.train] == [str(i) for i in range(15)]
    assert [task.answer for task in sets.held_out] == [str(i) for i in range(15, 25)]
    assert sets.report.source == f"{folder.name}[train] + {folder.name}[test]"


def test_a_malformed_row_of_a_data_set_is_named_by_its_number(folder):
    (folder / "train.jsonl").write_text(
        '{"question": "1?", "answer": "1"}\n' * 2 + '{"question": ""}'
    )
    problems = TaskFile(path=str(folder)).problems()
    assert "1 of 3 rows are malformed" in problems[0]
    assert f"{folder.name}[train] row 3: the prompt is empty" in problems[1]


def test_a_folder_with_a_broken_file_says_why(folder):
    (folder / "train.jsonl").write_text('{"question": ')
    (problem,) = TaskFile(path=str(folder)).problems()
    assert "cannot be loaded as a data set" in problem
    assert "JSON" in problem


def test_a_split_that_does_not_exist_is_named(folder):
    (problem,) = TaskFile(path=str(folder), split="validation").problems()
    assert "split 'validation'" in problem
    assert "cannot be loaded as a data set" in problem


def test_a_hub_name_that_cannot_be_reached_is_a_config_error():
    (problem,) = TaskFile(path="no-such-owner/no-such-set").problems()
    assert "'no-such-owner/no-such-set'" in problem
    assert "cannot be loaded from the hub" in problem
    assert "Check the name" in problem


def test_text_that_is_neither_a_file_nor_a_hub_name_is_a_config_error():
    (problem,) = TaskFile(path="a/b/c d").problems()
    assert "'a/b/c d'" in problem
