from pathlib import Path

import pytest

from guerdon.compat.aflow_run import configure, link_checkpoints
from guerdon.errors import ConfigError


def test_each_checkpoint_has_a_link_where_other_projects_look_for_it(tmp_path: Path) -> None:
    for step in (20, 40):
        (tmp_path / "checkpoints" / f"step_{step:06d}").mkdir(parents=True)
        (tmp_path / "checkpoints" / f"step_{step:06d}" / "trainer.json").write_text("{}")
    (tmp_path / "step_10").symlink_to("checkpoints/step_000010")  # of a checkpoint that is gone
    assert [link.name for link in link_checkpoints(tmp_path)] == ["step_20", "step_40"]
    assert (tmp_path / "step_40" / "trainer.json").is_file()
    assert not (tmp_path / "step_10").is_symlink()
    assert link_checkpoints(tmp_path / "none") == []


def test_tiny_without_data_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        configure("tiny", device="cpu", data_dir=tmp_path)


def test_an_unknown_training_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file"):
        configure("qwen25-7b", training_file=tmp_path / "training.yaml")
