from pathlib import Path

import pytest

from guerdon.cli import main
from public_data import build_folder


def test_a_folder_becomes_checked_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "originals").mkdir()
    folder, out = build_folder(tmp_path / "originals"), str(tmp_path / "out")
    assert main(["data", "download", "--from", str(folder), "--out", out]) == 0
    said = capsys.readouterr()
    assert "gsm8k: 19 rows (test 7, train 12)" in said.out
    assert "not taken: gsm8k_model_solutions/solutions.jsonl" in said.out
    assert "download 1/7: gsm8k" in said.err
    assert main(["data", "process", "--out", out]) == 0
    assert (
        "hotpotqa: 12 rows, 10 to train on, 2 to test on, divided here" in capsys.readouterr().out
    )
    assert main(["data", "check", "--out", out]) == 0
    assert capsys.readouterr().out.endswith("ok\n")


def test_mistakes_are_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "download", "gsm9k", "--from", str(tmp_path)]) == 2
    assert "no data set 'gsm9k'" in capsys.readouterr().err
    assert main(["data", "process", "--out", str(tmp_path)]) == 2
    assert "run `guerdon data download`" in capsys.readouterr().err
    assert main(["data", "check", "--out", str(tmp_path)]) == 2


def test_a_set_that_was_asked_for_and_is_not_there_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "originals").mkdir()
    folder = build_folder(tmp_path / "originals")
    (folder / "drop" / "drop_test.jsonl").unlink()
    words = ["data", "download", "gsm8k", "drop", "--from", str(folder), "-o", str(tmp_path / "o")]
    assert main(words) == 1
    assert "warning: drop is missing" in capsys.readouterr().err
