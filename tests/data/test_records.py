import json
from dataclasses import replace
from pathlib import Path

import pytest

from guerdon.data.records import RecordFile, read_records, to_task
from guerdon.data.sets.mbpp import MBPP
from guerdon.data.sets.record import Record
from guerdon.errors import ConfigError
from guerdon.tasks import TaskPool


def record(domain: str, number: int, dataset: str = "") -> Record:
    code = {"entry_point": "f", "test": "def check(candidate):\n    assert candidate(1)\n",
            "hidden_test": "def check(candidate):\n    assert candidate(1)\n"}  # fmt: skip
    return Record(
        id=f"{domain}/{number}",
        dataset=dataset or domain,
        domain=domain,  # type: ignore[arg-type]
        question=f"{domain} {number}?",
        reference_answer=str(number),
        answer_type="text",
        **(code if domain == "code" else {}),
    )


def write(path: Path, records: list[Record]) -> str:
    path.write_text("".join(json.dumps(one.to_json()) + "\n" for one in records))
    return str(path)


def test_tasks_carry_domain_data_set_and_problem(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", [record("math", 1, "gsm8k")])
    [task] = RecordFile(path=path).load().train
    assert (task.id, task.domain, task.answer) == ("math/1", "math", "1")
    assert task.info["dataset"] == "gsm8k" and task.prompt[0]["content"] == "math 1?"


def test_a_task_of_code_has_hidden_tests_apart_from_public_ones() -> None:
    row = {"task_id": 602, "text": "Double.", "code": "def dbl(x):\n  return 2*x",
           "test_list": ["assert dbl(1) == 2", "assert dbl(2) == 4"]}  # fmt: skip
    task = to_task(MBPP.read(row, "all")[0])
    assert task.info["tests"] == ["assert dbl(2) == 4"]
    assert task.info["public_tests"] == ["assert candidate(1) == 2"]
    assert task.info["entry_point"] == "dbl" and "return 2*x" in task.info["solution"]


def test_a_batch_of_four_meets_the_ratios_over_200_steps(tmp_path: Path) -> None:
    ratios = {"math": 0.4, "qa": 0.3, "code": 0.3}
    rows = [record(domain, n) for domain in ratios for n in range(40)]
    sets = RecordFile(path=write(tmp_path / "t.jsonl", rows), weights=ratios).load()
    pool = TaskPool(sets.train, weights=sets.weights)
    dealt = [task.domain for _ in range(200) for task in pool.sample(4)]
    for domain, share in ratios.items():
        assert abs(dealt.count(domain) / len(dealt) - share) < 0.02 * share


def test_a_problem_on_both_sides_is_refused_by_id_and_by_question(tmp_path: Path) -> None:
    one = record("math", 1)
    train = write(tmp_path / "train.jsonl", [one, record("math", 2)])
    for twin in (one, replace(one, id="math/other", question="MATH  1?")):
        test = write(tmp_path / "test.jsonl", [twin])
        assert "1 problems" in RecordFile(path=train, eval_path=test).problems()[0]
        with pytest.raises(ConfigError, match="math/1"):
            RecordFile(path=train, eval_path=test).load()


def test_held_out_sets_take_turns(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [record("math", 0)])
    rows = [record("math", n, "gsm8k") for n in (1, 2)] + [record("qa", n, "drop") for n in (3, 4)]
    held_out = RecordFile(path=train, eval_path=write(tmp_path / "t.jsonl", rows)).load().held_out
    assert [task.info["dataset"] for task in held_out] == ["gsm8k", "drop", "gsm8k", "drop"]


def test_a_domain_without_a_weight_is_left_out_and_one_without_rows_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [record("math", 1), record("qa", 2)])
    sets = RecordFile(path=path, weights={"math": 1.0, "qa": 0.0}).load()
    assert [task.domain for task in sets.train] == ["math"] and sets.weights == {"math": 1}
    with pytest.raises(ConfigError, match="weights names code"):
        RecordFile(path=path, weights={"math": 1.0, "code": 1.0}).load()


def test_malformed_rows_are_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(record("math", 1).to_json()) + '\n{"id": "x"}\n')
    with pytest.raises(ConfigError, match=r"1 of 2 rows[\s\S]*bad.jsonl:2: 'dataset'"):
        read_records(path)
    assert RecordFile(path=str(tmp_path / "none.jsonl")).problems()


def test_long_prompts_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [record("math", 1), record("math", 22222)])
    source = RecordFile(path=path, max_prompt_tokens=8)
    sets = source.load(lambda messages: len(messages[0]["content"]))
    assert len(sets.train) == 1 and sets.report is not None
    assert "1 x a prompt was over max_prompt_tokens" in str(sets.report)
    with pytest.raises(ConfigError, match="needs a tokenizer"):
        source.load()
