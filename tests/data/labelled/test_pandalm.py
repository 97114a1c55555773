"""PandaLM's pairs."""

import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.data.labelled.pandalm import read
from guerdon.errors import ConfigError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "pandalm"


def row(*votes, **fields):
    annotators = {f"annotator{i}": vote for i, vote in enumerate(votes, 1)}
    texts = {"instruction": "Say it.", "input": "", "response1": "hi", "response2": "no"}
    return {"idx": 0, **texts, **annotators, **fields}


def write(folder, *rows):
    file = folder / "testset-v1.json"
    file.write_text(json.dumps(rows))
    return file


def test_two_of_three_people_decide_and_without_them_there_is_no_label(tmp_path):
    write(tmp_path, row(1, 2, 1), row(0, 0, 2), row(2, 2, 2), row(0, 1, 2))
    assert [pair.label for pair in read(tmp_path)] == ["1", "tie", "2"]


def test_what_is_given_follows_the_instruction_and_truth_values_are_words(tmp_path):
    (pair,) = read(write(tmp_path, row(1, 1, 1, input="hello", response1=True)))
    assert pair.task.prompt[0]["content"] == "Say it.\n\nhello"
    assert pair.responses == ("True", "no")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row(1, 1, 3), "annotators must say 0, 1 or 2, got [1, 1, 3]"),
        (row(1, 1, True), "annotators must say"),
        (row(1, 1), "no 'annotator3'"),
        (row(1, 1, 1, response2=3), "response2 must be text, got 3"),
    ],
)
def test_a_malformed_row_is_named(bad, why, tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(write(tmp_path, row(1, 1, 1), bad))
    assert why in str(caught.value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
def test_every_published_pair_is_read():
    labels = Counter(pair.label for pair in read(SHARED))
    assert labels == {"2": 322, "1": 283, "tie": 80}
