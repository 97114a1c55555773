"""The public sets as their repositories on the hub have them, and as their own original files.

Names, subsets, splits, columns and types are those of the repositories; rows are ours, the same
ones on both sides.
"""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from hub_double import Repository

TEXT, TEXTS = pa.string(), pa.list_(pa.string())
Rows = list[dict]

GSM8K = {split: [{"question": f"What is {n} + {n}?", "answer": f"{n}+{n}={2 * n}\n#### {2 * n}"}
                 for n in numbers]
         for split, numbers in {"train": range(12), "test": range(12, 18)}.items()}  # fmt: skip
MATH = {split: [{"problem": f"Solve $x = {n}$.", "level": f"Level {n % 5 + 1}", "type": "Algebra",
                 "solution": rf"So $x=\boxed{{{n}}}$."} for n in numbers]
        for split, numbers in {"train": range(12), "test": range(12, 16)}.items()}  # fmt: skip
HUMANEVAL = [
    {"task_id": f"HumanEval/{n}", "entry_point": f"f{n}",
     "prompt": f'def f{n}(x):\n    """Add {n}.\n    >>> f{n}(1)\n    {1 + n}\n    """\n',
     "canonical_solution": f"    return x + {n}\n",
     "test": f"def check(candidate):\n    assert candidate(2) == {2 + n}\n"}
    for n in range(4)
]  # fmt: skip
MBPP = [
    {"task_id": n, "text": f"Write a function to add {n}.",
     "code": f"def add{n}(x):\r\n  return x + {n}",
     "test_list": [f"assert add{n}(1) == {1 + n}", f"assert add{n}(2) == {2 + n}"],
     "test_setup_code": "", "challenge_test_list": []}
    for n in [3, 20, 21, 515, *range(601, 607)]
]  # fmt: skip
MBPP_SPLITS = {"prompt": range(1, 11), "test": range(11, 511), "validation": range(511, 601),
               "train": range(601, 975)}  # fmt: skip
HOTPOT = {
    split: [
        {"_id": f"5a{n}", "question": f"Who is number {n}?", "answer": f"Name {n}",
         "type": "bridge", "level": "easy", "supporting_facts": [["A", 0], ["B", 1]],
         "context": [["A", [f"Name {n} is", f" number {n}."]], ["B", ["Other.", " Text."]]]}
        for n in numbers
    ]
    for split, numbers in {"train": range(10), "validation": range(10, 14)}.items()
}  # fmt: skip


def _asked(place: int, split: str, **answer: object) -> dict:
    blank = {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": []}
    one = {"query_id": f"q{place}", "question": f"Question {place}?", "answer": blank | answer}
    return one if split == "train" else one | {"validated_answers": [blank | answer] * 2}


DROP = {
    split: {f"nfl_{split}": {"passage": f"A text to {split} on.", "qa_pairs": [
        _asked(first, split, number="7"), _asked(first + 1, split, spans=["Ada"]),
        _asked(first + 2, split, date={"day": "4", "month": "May", "year": "2010"}),
        *([_asked(3, split, spans=["Ada", "Bob"])] if split == "train" else [])]}}
    for split, first in {"train": 0, "validation": 10}.items()
}  # fmt: skip


def _squad(numbers: range) -> Rows:
    return [
        {"title": f"City {n}", "paragraphs": [{"context": f"City {n} lies on river {n}.", "qas": [
            {"id": f"a{n}", "question": f"On which river is city {n}?", "is_impossible": False,
             "answers": [{"text": f"river {n}", "answer_start": 15}]},
            {"id": f"b{n}", "question": f"Who founded city {n}?", "is_impossible": True,
             "answers": []}]}]}
        for n in numbers
    ]  # fmt: skip


SQUAD = {"train": _squad(range(8)), "validation": _squad(range(8, 11))}


def write_originals(folder: Path) -> Path:
    """The sets' own files."""

    def put(name: str, text: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def lines(rows: Rows) -> str:
        return "".join(json.dumps(row) + "\n" for row in rows)

    for split, rows in GSM8K.items():
        put(f"gsm8k/{split}.jsonl", lines(rows))
        put(f"math/{split}.jsonl", lines(MATH[split]))
    put("mbpp/mbpp.jsonl", lines(MBPP))
    put("hotpotqa/hotpot_train_v1.1.json", json.dumps(HOTPOT["train"]))
    put("hotpotqa/hotpot_dev_distractor_v1.json", json.dumps(HOTPOT["validation"]))
    for split, name in {"train": "train", "validation": "dev"}.items():
        put(f"drop/drop_dataset_{name}.json", json.dumps(DROP[split]))
        put(f"squad/{name}-v2.0.json", json.dumps({"version": "v2.0", "data": SQUAD[split]}))
    (folder / "humaneval").mkdir()
    with gzip.open(folder / "humaneval" / "HumanEval.jsonl.gz", "wt") as file:
        file.write(lines(HUMANEVAL))
    return folder


# --- as the hub has them -------------------------------------------------------------------------


def repositories() -> dict[str, Repository]:
    """The sets' repositories by ``datasets/owner/name``."""
    mbpp = {split: [row for row in MBPP if row["task_id"] in numbers]
            for split, numbers in MBPP_SPLITS.items()}  # fmt: skip
    found = {
        "openai/gsm8k": [_subset("main", GSM8K, question=TEXT, answer=TEXT),
                         _subset("socratic", GSM8K, question=TEXT, answer=TEXT)],
        "rajpurkar/squad_v2": [_subset(
            "squad_v2", _each(SQUAD, _squad_rows), id=TEXT, title=TEXT, context=TEXT, question=TEXT,
            answers=pa.struct({"text": TEXTS, "answer_start": pa.list_(pa.int32())}))],
        "hotpotqa/hotpot_qa": [_subset(
            name, _each(HOTPOT, _hotpot_rows), id=TEXT, question=TEXT, answer=TEXT, type=TEXT,
            level=TEXT,
            supporting_facts=pa.struct({"title": TEXTS, "sent_id": pa.list_(pa.int32())}),
            context=pa.struct({"title": TEXTS, "sentences": pa.list_(TEXTS)}))
            for name in ("distractor", "fullwiki")],
        "ucinlp/drop": [_subset(
            None, {split: _drop_rows(split) for split in DROP}, section_id=TEXT, query_id=TEXT,
            passage=TEXT, question=TEXT,
            answers_spans=pa.struct({"spans": TEXTS, "types": TEXTS}))],
        "openai/openai_humaneval": [_subset(
            "openai_humaneval", {"test": HUMANEVAL},
            **dict.fromkeys(("task_id", "prompt", "canonical_solution", "test", "entry_point"),
                            TEXT))],
        "google-research-datasets/mbpp": [_subset(
            "full", mbpp, task_id=pa.int32(), text=TEXT, code=TEXT, test_list=TEXTS,
            test_setup_code=TEXT, challenge_test_list=TEXTS)],
        "DigitalLearningGmbH/MATH-lighteval": [_subset(
            name, MATH, problem=TEXT, level=TEXT, solution=TEXT, type=TEXT)
            for name in ("algebra", None)],
        "HuggingFaceH4/mt_bench_prompts": [_subset(
            None, {"train": _mt_bench()}, prompt=TEXTS, prompt_id=pa.int32(), category=TEXT,
            reference=TEXTS)],
    }  # fmt: skip
    return {f"datasets/{name}": _repository(subsets) for name, subsets in found.items()}


def _subset(name: str | None, splits: dict[str, Rows], **columns: pa.DataType) -> tuple:
    return name, splits, pa.schema(columns)


def _repository(subsets: list[tuple]) -> Repository:
    """A card that names subsets, features and splits, and a file for each split."""
    files, infos, configs = {}, [], []
    for name, splits, schema in subsets:
        folder, held = name or "data", []
        for split, rows in splits.items():
            files[f"{folder}/{split}-00000-of-00001.parquet"] = parquet(rows, schema)
            held.append({"split": split, "path": f"{folder}/{split}-*"})
        counts = [{"name": split, "num_bytes": 1, "num_examples": len(rows)}
                  for split, rows in splits.items()]  # fmt: skip
        infos.append({"config_name": name or "default", "features": _features(schema),
                      "splits": counts, "download_size": 1, "dataset_size": 1})  # fmt: skip
        configs.append({"config_name": name or "default", "data_files": held})
    if len(subsets) == 1:
        configs[0]["default"] = True
    card = yaml.safe_dump({"license": "mit", "dataset_info": infos, "configs": configs})
    text = f"---\n{card}---\n# Data\n"
    return Repository({".gitattributes": b"*.parquet filter=lfs\n", "README.md": text.encode(),
                       **files})  # fmt: skip


def _features(fields: pa.Schema | pa.StructType) -> list[dict]:
    """Columns as the cards of these repositories write them: a list of structs is one of columns
    there, ``sequence`` over named features."""
    found = []
    for one in fields:
        if pa.types.is_struct(one.type):
            inner = [pa.field(part.name, part.type.value_type) for part in one.type]
            found.append({"name": one.name, "sequence": _features(pa.schema(inner))})
        elif pa.types.is_list(one.type):
            found.append({"name": one.name, "sequence": str(one.type.value_type)})
        else:
            found.append({"name": one.name, "dtype": str(one.type)})
    return found


def parquet(rows: Rows, schema: pa.Schema) -> bytes:
    """A file of rows."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    return buffer.getvalue()


def _each(splits: dict[str, Rows], change: Callable[[Rows], Rows]) -> dict[str, Rows]:
    return {split: change(rows) for split, rows in splits.items()}


def _squad_rows(articles: Rows) -> Rows:
    return [
        {"id": asked["id"], "title": article["title"], "context": paragraph["context"],
         "question": asked["question"],
         "answers": {"text": [one["text"] for one in asked["answers"]],
                     "answer_start": [one["answer_start"] for one in asked["answers"]]}}
        for article in articles
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]  # fmt: skip


def _hotpot_rows(rows: Rows) -> Rows:
    return [
        {"id": row["_id"], **{name: row[name] for name in ("question", "answer", "type", "level")},
         "supporting_facts": _columns(row["supporting_facts"], "title", "sent_id"),
         "context": _columns(row["context"], "title", "sentences")}
        for row in rows
    ]  # fmt: skip


def _columns(pairs: list[list], *names: str) -> dict[str, list]:
    return {name: [pair[number] for pair in pairs] for number, name in enumerate(names)}


def _drop_rows(split: str) -> Rows:
    """Answers end to end, the one of a training question or all validated ones of another."""
    rows = []
    for section, passage in DROP[split].items():
        for asked in passage["qa_pairs"]:
            pairs = []
            for answer in asked.get("validated_answers", [asked["answer"]]):
                date = " ".join(part for part in answer["date"].values() if part)
                pairs += [[answer["number"], "number"]] if answer["number"] else []
                pairs += [[date, "date"]] if date else []
                pairs += [[span, "span"] for span in answer["spans"]]
            rows.append({"section_id": section, "query_id": asked["query_id"],
                         "passage": passage["passage"], "question": asked["question"],
                         "answers_spans": _columns(pairs, "spans", "types")})  # fmt: skip
    return rows


def _mt_bench() -> Rows:
    return [{"prompt": [f"Write {n}.", "Again."], "prompt_id": n, "category": f"kind{n % 4}",
             "reference": [f"{n}!", "more"] if n % 2 else []} for n in range(12)]  # fmt: skip
