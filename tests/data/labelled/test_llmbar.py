"""LLMBar's pairs."""

import json
from pathlib import Path

import pytest

from guerdon.data.labelled.llmbar import read
from guerdon.errors import ConfigError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "llmbar"
ROW = {"input": "Say hi.", "output_1": "hi", "output_2": "no", "label": 1}


def write(folder, *rows):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps(rows))
    return folder / "dataset.json"


def test_a_file_or_a_folder_of_files_is_read(tmp_path):
    file = write(tmp_path / "LLMBar" / "Natural", ROW)
    write(tmp_path / "Processed", ROW | {"label": 2, "input": "Say no."})
    (one,) = read(file)
    assert one.task.prompt == ({"role": "user", "content": "Say hi."},)
    assert (one.responses, one.label, one.task.domain) == (("hi", "no"), "1", "Natural")
    both = read(tmp_path)
    assert [(pair.label, pair.task.domain) for pair in both] == [
        ("1", "LLMBar/Natural"),
        ("2", "Processed"),
    ]
    assert len({pair.task.id for pair in both}) == 2


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (ROW | {"label": 3}, "label must be 1 or 2, got 3"),
        (ROW | {"label": "1"}, "label must be 1 or 2"),
        (ROW | {"output_1": None}, "output_1 must be text"),
        ({"input": "x"}, "no 'label'; its keys: input"),
    ],
)
def test_a_malformed_row_is_named(row, why, tmp_path):
    file = write(tmp_path, ROW, row)
    with pytest.raises(ConfigError) as caught:
        read(file)
    assert why in str(caught.value) and "dataset.json" in str(caught.value)


def test_a_folder_without_such_a_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
def test_every_published_pair_is_read():
    pairs = read(SHARED)
    assert len(pairs) == 611
    assert sum(pair.label == "1" for pair in pairs) == 309
    assert sum(pair.task.domain == "LLMBar/Adversarial/Manual" for pair in pairs) == 29
