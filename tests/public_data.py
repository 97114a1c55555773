"""Rows of public data sets in their original formats, built for tests."""

import gzip
import json
from pathlib import Path


def build_folder(folder: Path) -> Path:
    """GSM8K, MATH, SQuAD 2.0, HotpotQA, DROP, HumanEval and MBPP, a few rows each."""
    gsm8k = [{"question": f"What is {n} + {n}?", "answer": f"{n}+{n}\n#### {2 * n}"}
             for n in range(1, 19)]  # fmt: skip
    _lines(folder / "gsm8k" / "train.jsonl", gsm8k[:12])
    _lines(folder / "gsm8k" / "test.jsonl", gsm8k[11:])  # row 12 is on both sides
    math = [{"problem": f"Solve x = {n}.", "solution": rf"\boxed{{{n}}}", "level": "Level 1"}
            for n in range(12)]  # fmt: skip
    (folder / "math").mkdir()
    (folder / "math" / "test.json").write_text("\n".join(map(json.dumps, math)))
    hotpot = [{"_id": f"h{n}", "question": f"Who is number {n}?", "answer": f"Name {n}",
               "context": repr([["Title", [f"Name {n} is number {n}."]]])}
              for n in range(12)]  # fmt: skip
    _lines(folder / "hotpotqa" / "hotpotqa_validate.jsonl", hotpot)
    _squad(folder / "squad" / "train-v2.0.json", range(10))
    _squad(folder / "squad" / "dev-v2.0.json", range(10, 14))
    drop = [{"context": f"Passage: There were {n}.\nQuestion: How many ({n})?\nAnswer:",
             "ref_text": f"{n}|{n} of them", "id": n} for n in range(6)]  # fmt: skip
    _lines(folder / "drop" / "drop_test.jsonl", drop)
    human = [{"task_id": f"HumanEval/{n}", "entry_point": f"f{n}",
              "prompt": f'def f{n}(x):\n    """Add {n}.\n    >>> f{n}(1)\n    {1 + n}\n    """\n',
              "canonical_solution": f"    return x + {n}\n",
              "test": f"def check(candidate):\n    assert candidate(2) == {2 + n}\n"}
             for n in range(6)]  # fmt: skip
    (folder / "humaneval").mkdir()
    with gzip.open(folder / "humaneval" / "HumanEval.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in human)
    mbpp = [{"task_id": n, "text": f"Write a function to add {n}.",
             "code": f"def add{n}(x):\r\n  return x + {n}",
             "test_list": [f"assert add{n}(1) == {1 + n}", f"assert add{n}(2) == {2 + n}"]}
            for n in [*range(20, 24), *range(601, 613)]]  # fmt: skip
    _lines(folder / "mbpp" / "mbpp.jsonl", mbpp)
    _lines(folder / "gsm8k_model_solutions" / "solutions.jsonl", [{"question": "?", "said": "!"}])
    return folder


def _lines(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _squad(path: Path, numbers: range) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    articles = [
        {
            "title": f"City {n}",
            "paragraphs": [
                {
                    "context": f"City {n} lies on river {n}.",
                    "qas": [
                        {"id": f"a{n}", "question": f"On which river is city {n}?",
                         "is_impossible": False,
                         "answers": [{"text": f"river {n}", "answer_start": 15}]},
                        {"id": f"b{n}", "question": f"Who founded city {n}?",
                         "is_impossible": True, "answers": []},
                    ],
                }
            ],
        }
        for n in numbers
    ]  # fmt: skip
    path.write_text(json.dumps({"version": "v2.0", "data": articles}))


def verl_rows(count: int) -> list[dict]:
    """Rows in verl's schema, with a question of their own each."""
    return [
        {
            "data_source": "math",
            "prompt": [{"role": "user", "content": f"What is {i} + 1?"}],
            "reward_model": {"style": "rule", "ground_truth": str(i + 1)},
            "extra_info": {"question": f"What is {i} + 1?"},
        }
        for i in range(count)
    ]
