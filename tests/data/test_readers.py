import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guerdon.data.readers import read_file, refuse_bad_rows
from guerdon.errors import ConfigError

ROWS = [{"question": "1+1?", "answer": "2"}, {"question": "é\u2028?", "answer": "3"}]


def values(table):
    return [dict(row.values) for row in table.rows]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)),
        ("a.jsonl", "\n\r\n".join(json.dumps(row) for row in ROWS) + "\r\n\n"),
        ("a.json", json.dumps(ROWS)),
        ("a.json", json.dumps({"version": 1, "data": ROWS}, indent=2)),
        ("a.json", "\n".join(json.dumps(row) for row in ROWS)),
        ("a.JSON", "\ufeff" + json.dumps(ROWS)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_rows_are_read_whatever_the_wrapping(tmp_path, name, text, packed):
    path = tmp_path / (name + ".gz" if packed else name)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert values(read_file(path)) == ROWS


def test_parquet_rows_are_numbered_from_one(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    table = read_file(tmp_path / "a.parquet")
    assert values(table) == ROWS
    assert [row.where for row in table.rows] == ["a.parquet row 1", "a.parquet row 2"]


def test_each_line_of_a_text_file_is_a_prompt(tmp_path):
    (tmp_path / "a.txt").write_text("One?\n\n  Two?  \n")
    table = read_file(tmp_path / "a.txt")
    assert [(row.where, row.values["prompt"]) for row in table.rows] == [
        ("a.txt:1", "One?"),
        ("a.txt:3", "Two?"),
    ]


def test_one_line_of_jsonl_named_json_is_one_row(tmp_path):
    row = {"messages": [{"role": "user", "content": "Hi"}]}
    (tmp_path / "a.json").write_text(json.dumps(row) + "\n")
    assert values(read_file(tmp_path / "a.json")) == [row]


def test_malformed_lines_are_named_by_file_and_line(tmp_path):
    lines = [b'{"prompt": "a"}', b'{"prompt": ', b"[1]", b'{"x": NaN}', b"\xff", b'{"prompt": "b"}']
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    table = read_file(tmp_path / "a.jsonl")
    assert [row.where for row in table.rows] == ["a.jsonl:1", "a.jsonl:6"]
    places = [problem.split(": ")[0] for problem in table.bad_rows]
    assert places == ["a.jsonl:2", "a.jsonl:3", "a.jsonl:4", "a.jsonl:5"]
    assert "not JSON" in table.bad_rows[0]
    assert table.bad_rows[1].endswith("expected an object, found a list")
    assert "NaN" in table.bad_rows[2]
    assert table.bad_rows[3].endswith("not UTF-8 text")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b"\n \n", "the file has no rows"),
        ("a.json", b"[]", "the file has no rows"),
        ("a.json", b"", "not JSON"),
        ("a.json", b'[{"a": 1},', "not JSON"),
        ("a.json", b"3", "expected a list of rows, found a number"),
        ("a.json", b"\xff\xfe", "not UTF-8 text at byte 0"),
        ("a.parquet", b"PAR1 but not really", "cannot be read as parquet"),
        ("a.jsonl.gz", b"not gzip", "cannot be read"),
        ("a.csv", b"a,b", "unknown kind of file"),
    ],
)
def test_a_file_that_is_no_table_is_a_config_error_naming_it(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=message) as caught:
        read_file(tmp_path / name)
    assert name in str(caught.value)


def test_a_missing_file_says_what_its_folder_has(tmp_path):
    (tmp_path / "train.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match=r"no such file; its folder has train.jsonl"):
        read_file(tmp_path / "trian.jsonl")
    with pytest.raises(ConfigError, match="nor is there a folder"):
        read_file(tmp_path / "no" / "train.jsonl")


def test_bad_rows_are_counted_and_the_first_five_shown():
    bad = [f"a:{i}: wrong" for i in range(1, 8)]
    with pytest.raises(ConfigError) as caught:
        refuse_bad_rows("a", 20, bad, 6)
    problems = caught.value.problems
    assert problems[0].startswith("a: 7 of 20 rows are malformed")
    assert "max_bad_rows=7" in problems[0]
    assert problems[1:] == [*(f"  {p}" for p in bad[:5]), "  ... and 2 more"]
    refuse_bad_rows("a", 20, bad, 7)


def test_nothing_but_bad_rows_is_refused_whatever_is_tolerated():
    with pytest.raises(ConfigError, match="all 1 rows are malformed, the first: a:1: wrong"):
        refuse_bad_rows("a", 1, ["a:1: wrong"], 10)
