import json
from pathlib import Path

import pytest

from guerdon.data.download import checksum, download, raw_rows, read_manifest, split_of
from guerdon.data.sets.all_sets import SETS, named
from guerdon.errors import ConfigError
from public_data import build_folder

ALL = list(SETS.values())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_folder(tmp_path_factory.mktemp("originals"))


def test_every_set_is_taken_from_a_folder_with_its_splits(folder: Path, tmp_path: Path) -> None:
    found, missing = download(ALL, tmp_path, folder=folder)
    assert not missing and found.keys() == SETS.keys()
    assert {name: one.rows for name, one in found.items()} == {
        "gsm8k": 19, "math": 12, "squad": 14, "hotpotqa": 12, "drop": 6, "humaneval": 6, "mbpp": 16
    }  # fmt: skip
    splits = {source.name: source.split for source in found["squad"].sources}
    assert splits == {"squad/dev-v2.0.json": "validation", "squad/train-v2.0.json": "train"}
    rows = list(raw_rows(tmp_path, found["gsm8k"]))
    assert len(rows) == 19 and rows[0][1:] == ("test", "gsm8k/test.jsonl:1")


def test_a_file_of_another_format_is_named_and_not_taken(folder: Path, tmp_path: Path) -> None:
    found, _ = download([SETS["gsm8k"]], tmp_path, folder=folder)
    assert found["gsm8k"].skipped == {
        "gsm8k_model_solutions/solutions.jsonl": "its rows are not of this set's format"
    }


def test_what_is_there_and_unchanged_is_not_written_again(folder: Path, tmp_path: Path) -> None:
    first, _ = download([SETS["gsm8k"]], tmp_path, folder=folder)
    path = tmp_path / "raw" / first["gsm8k"].file
    before = path.stat().st_ino
    again, _ = download(ALL, tmp_path, folder=folder)
    assert path.stat().st_ino == before and again["gsm8k"] == first["gsm8k"]
    path.write_text("")  # damaged
    download([SETS["gsm8k"]], tmp_path, folder=folder)
    assert checksum(path) == first["gsm8k"].sha256


def test_a_changed_source_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    (folder / "gsm8k").mkdir(parents=True)
    file = folder / "gsm8k" / "train.jsonl"
    file.write_text(json.dumps({"question": "1?", "answer": "1"}) + "\n")
    download([SETS["gsm8k"]], tmp_path / "out", folder=folder)
    file.write_text(2 * (json.dumps({"question": "2?", "answer": "2"}) + "\n"))
    found, _ = download([SETS["gsm8k"]], tmp_path / "out", folder=folder)
    assert found["gsm8k"].rows == 2


def test_rows_that_were_changed_afterwards_are_refused(folder: Path, tmp_path: Path) -> None:
    found, _ = download([SETS["drop"]], tmp_path, folder=folder)
    path = tmp_path / "raw" / "qa" / "drop.jsonl"
    path.write_text(path.read_text().replace("There were", "There are"))
    with pytest.raises(ConfigError, match="SHA-256"):
        list(raw_rows(tmp_path, found["drop"]))


def test_a_set_that_is_not_there_is_missing_and_the_others_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    (folder / "gsm8k").mkdir(parents=True)
    (folder / "gsm8k" / "train.jsonl").write_text('{"question": "1?", "answer": "1"}\n')
    found, missing = download(ALL, tmp_path / "out", folder=folder)
    assert list(found) == ["gsm8k"] and set(missing) == SETS.keys() - {"gsm8k"}
    assert "no file of it" in missing["squad"]
    assert list(read_manifest(tmp_path / "out")) == ["gsm8k"]


def test_a_missing_folder_an_unknown_set_and_a_broken_manifest_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        download(ALL, tmp_path, folder=tmp_path / "none")
    with pytest.raises(ConfigError, match="no data set 'gsm'; there are: gsm8k"):
        named(["gsm"])
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "manifest.json").write_text("[1]")
    with pytest.raises(ConfigError, match="no manifest"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("gsm8k/train.jsonl", "train"),
        ("aflow_math/math_validate.jsonl", "validation"),
        ("MATH/train/algebra/1.json", "train"),
        ("hotpot_dev_distractor_v1.json", "validation"),
        ("HumanEval.jsonl.gz", "all"),
        ("train/mbpp_test.jsonl", "test"),
    ],
)
def test_a_path_names_its_split(name: str, split: str) -> None:
    assert split_of(name) == split
