import json
from collections import Counter
from pathlib import Path

import pytest

from guerdon.data.audit import audit
from guerdon.data.download import download
from guerdon.data.process import process
from guerdon.data.records import RecordFile, read_records
from guerdon.data.sets.all_sets import SETS
from guerdon.errors import ConfigError
from public_data import build_folder


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    download(list(SETS.values()), out, folder=build_folder(tmp_path_factory.mktemp("originals")))
    return out


@pytest.fixture(scope="module")
def out(raw: Path) -> Path:
    process(raw)
    return raw


def names(path: Path) -> Counter[str]:
    return Counter(record.dataset for record in read_records(path))


def test_training_splits_are_kept_and_others_divided_five_to_one(raw: Path) -> None:
    reports = {report.name: report for report in process(raw)}
    assert (reports["gsm8k"].train, reports["gsm8k"].test) == (11, 7)  # one was on both sides
    assert not reports["gsm8k"].divided
    assert (reports["hotpotqa"].train, reports["hotpotqa"].test) == (10, 2)
    assert reports["hotpotqa"].divided
    assert (reports["squad"].train, reports["squad"].test) == (20, 8)
    assert (reports["mbpp"].train, reports["mbpp"].test) == (12, 4)


def test_humaneval_and_drop_are_tested_on_only(out: Path) -> None:
    train, test = (names(out / "mixed" / f"{part}_mixed.jsonl") for part in ("train", "test"))
    assert not {"humaneval", "drop"} & train.keys()
    assert test["humaneval"] == 6 and test["drop"] == 6
    assert names(out / "test" / "humaneval_test.jsonl") == {"humaneval": 6}


def test_no_problem_is_on_both_sides_and_the_result_is_sound(out: Path) -> None:
    assert audit(out).problems == []
    sets = RecordFile(path=str(out / "mixed/train_mixed.jsonl"),
                      eval_path=str(out / "mixed/test_mixed.jsonl")).load()  # fmt: skip
    assert {task.domain for task in sets.train} == {"math", "qa", "code"}


def test_the_same_rows_come_out_again_and_another_seed_orders_them_otherwise(out: Path) -> None:
    path = out / "mixed" / "train_mixed.jsonl"
    before = path.read_bytes()
    process(out, seed=7)
    other = path.read_bytes()
    process(out)
    assert path.read_bytes() == before != other


def test_the_guides_mix_has_humaneval_in_it_and_domains_four_to_three_to_three(raw: Path) -> None:
    process(raw, mix="guide")
    info = json.loads((raw / "mixed" / "info.json").read_text())
    found = info["train"]["domains"]
    assert found["math"] * 3 == found["qa"] * 4 == found["code"] * 4
    sets = info["train"]["datasets"]
    assert "humaneval" in sets and "drop" not in sets
    ids = [record.id for record in read_records(raw / "mixed" / "train_mixed.jsonl")]
    assert len(set(ids)) == len(ids) and any("#2" in name for name in ids)
    assert audit(raw).problems == []
    process(raw)


def test_the_audit_finds_overlap_repeated_ids_missing_context_and_shown_tests(out: Path) -> None:
    path = out / "processed" / "squad" / "test.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    train = json.loads((path.parent / "train.jsonl").read_text().splitlines()[0])
    del rows[1]["context"]
    mbpp = json.loads((out / "processed/mbpp/test.jsonl").read_text().splitlines()[0])
    mbpp["hidden_test"] = mbpp["test"]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0], train, mbpp]))
    problems = "\n".join(audit(out).problems)
    process(out)
    assert "1 ids come more than once" in problems and "a question without its context" in problems
    assert "a public test is a hidden one" in problems
    assert "1 problems of processed/squad/test.jsonl are in processed/squad/train.jsonl" in problems


def test_nothing_downloaded_or_processed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run `guerdon data download`"):
        process(tmp_path)
    assert "nothing is processed" in audit(tmp_path).problems[0]


def test_sets_that_are_held_out_alone_cannot_be_trained_on(tmp_path: Path) -> None:
    (tmp_path / "originals").mkdir()
    folder = build_folder(tmp_path / "originals")
    download([SETS["drop"]], tmp_path / "out", folder=folder)
    with pytest.raises(ConfigError, match="no set that may be trained on"):
        process(tmp_path / "out")
