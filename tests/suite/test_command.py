from pathlib import Path

import pytest

from guerdon.data.download import download
from guerdon.data.process import process
from guerdon.data.sets.all_sets import SETS
from guerdon.errors import CheckpointError, ConfigError
from guerdon.suite.command import read_tests, resolve_checkpoint
from public_data import build_folder


def test_test_rows_are_those_of_each_set_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "originals").mkdir()
    folder = build_folder(tmp_path / "originals")
    download([SETS["gsm8k"], SETS["drop"]], tmp_path, folder=folder)
    process(tmp_path)
    assert {name: len(rows) for name, rows in read_tests(tmp_path, rows=5).items()} == {
        "gsm8k": 5, "drop": 5
    }  # fmt: skip
    assert list(read_tests(tmp_path, ["drop"])) == ["drop"]
    with pytest.raises(ConfigError, match="no data set 'gsm'"):
        read_tests(tmp_path, ["gsm"])
    with pytest.raises(ConfigError, match="has no test rows"):
        read_tests(tmp_path / "none")


def test_a_checkpoint_is_found_by_its_link_its_folder_and_its_step(tmp_path: Path) -> None:
    run = tmp_path / "tiny" / "grpo_mixed"
    folder = run / "checkpoints" / "step_000020"
    folder.mkdir(parents=True)
    (folder / "trainer.json").write_text("{}")
    (run / "step_20").symlink_to("checkpoints/step_000020")
    for path in (run / "step_20", folder):
        assert resolve_checkpoint(path) == (run, folder)
    (run / "step_20").unlink()
    assert resolve_checkpoint(run / "step_20") == (run, folder)
    with pytest.raises(CheckpointError, match=r"step_40.*has step_20"):
        resolve_checkpoint(run / "step_40")
