"""Labelled responses from files of one's own."""

import json

import pytest

from guerdon.data.labelled.rows import Columns, read, to_label
from guerdon.errors import ConfigError


def written(tmp_path, *rows):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_columns_are_found_or_named(tmp_path):
    row = {"question": "2+2", "answer": "4", "response": "It is 4.", "label": True}
    (found,) = read(written(tmp_path, row))
    assert (found.task.answer, found.responses, found.label) == ("4", ("It is 4.",), "1")
    row = {"ask": "2+2", "gold": "4", "said": "5", "ok": "no", "from": "mine"}
    columns = Columns(
        prompt_key="ask", answer_key="gold", response_key="said", label_key="ok", domain_key="from"
    )
    (found,) = read(written(tmp_path, row), columns)
    assert (found.task.answer, found.responses, found.label) == ("4", ("5",), "0")
    assert found.task.domain == "mine"


def test_a_list_of_responses_has_a_list_of_labels(tmp_path):
    row = {"question": "2+2", "answer": "4", "response": ["4", "5"], "label": [1, 0]}
    assert [(one.responses, one.label) for one in read(written(tmp_path, row))] == [
        (("4",), "1"), (("5",), "0")
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"mine.jsonl:1: responses and labels differ"):
        read(written(tmp_path, row | {"label": [1]}))


def test_the_reward_sees_neither_response_nor_label(tmp_path):
    row = {"question": "2+2", "answer": "4", "response": "5", "label": 0, "source": "x"}
    (found,) = read(written(tmp_path, row))
    assert found.task.info.keys() == {"answer", "source"}


def test_a_missing_column_is_named_with_file_and_row(tmp_path):
    row = {"question": "2+2", "answer": "4", "response": "5"}
    with pytest.raises(ConfigError, match=r"mine.jsonl.*\n?.*no 'label'") as caught:
        read(written(tmp_path, row | {"label": 1}, row))
    assert "mine.jsonl:2" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (True, "1"),
        (False, "0"),
        (1, "1"),
        (0.0, "0"),
        ("Yes", "1"),
        ("incorrect", "0"),
        ("tie", "tie"),
    ],
)
def test_words_for_right_and_wrong(value, label):
    assert to_label(value) == label


def test_numbers_become_labels_by_a_threshold():
    assert [to_label(n, right_at=7.0) for n in (6, 7, "8")] == ["0", "1", "1"]
    with pytest.raises(ValueError, match="not a number"):
        to_label("good", right_at=7.0)


@pytest.mark.parametrize("nothing", [None, "", float("nan")])
def test_no_label_is_an_error(nothing):
    with pytest.raises(ValueError, match="empty"):
        to_label(nothing)
