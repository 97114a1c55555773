"""DROP: questions that count, sort or add over a passage.

Formats: the original JSON (passages by id, with qa_pairs), AFlow's lines (passage and question in
one context, alternatives in ref_text separated by ``|``), the hub's rows (passage, question,
answers_spans; those that leave open how many spans make an answer are refused).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from guerdon.data.sets.record import HubSplits, PublicSet, Record, Split, digest, has_keys, text_of

_of_rows = has_keys({"context", "ref_text"}, {"passage", "question", "answers_spans"})
_AFLOW = re.compile(r"\s*Passage:(.*)\nQuestion:(.*?)\s*(?:Answer:)?\s*\Z", re.DOTALL)


def read(row: Mapping[str, Any], split: Split) -> list[Record]:
    """The records of a file of passages, or of one row."""
    if "ref_text" in row:
        return [_of_aflow(row, split)]
    if "answers_spans" in row:
        passage, question = text_of(row, "passage"), text_of(row, "question")
        answers = _of_hub(row["answers_spans"] or {}, split)
        return [_record(passage, question, answers, split, row.get("query_id"))]
    return list(_of_passages(row, split))


def is_original(row: Mapping[str, Any]) -> bool:
    """Whether a row is a whole original file: passages by their ids."""
    return bool(row) and all(
        isinstance(one, Mapping) and {"passage", "qa_pairs"} <= one.keys() for one in row.values()
    )


def _of_hub(given: Mapping[str, Any], split: Split) -> list[str]:
    """The answers behind the hub's columns, where all spans of all answers are in one list: those
    of the one answer to a training question, or of every person who answered another."""
    texts = [str(text) for text in given.get("spans") or ()]
    if split == "train":
        return [", ".join(texts)] if texts else []
    types = given.get("types") or ["span"] * len(texts)
    spans = {text.strip() for text, kind in zip(texts, types, strict=True) if kind == "span"}
    if len(spans) > 1:
        raise ValueError(
            f"its spans {', '.join(sorted(spans)):.60} may be one answer or several, the hub's "
            "format does not say: take DROP from its original files"
        )
    return texts


def _of_aflow(row: Mapping[str, Any], split: Split) -> Record:
    found = _AFLOW.fullmatch(text_of(row, "context"))
    if found is None:
        raise ValueError("context is not 'Passage: ... Question: ... Answer:'")
    answers = [part for part in text_of(row, "ref_text").split("|") if part.strip()]
    return _record(found[1], found[2], answers, split, row.get("id"))


def _of_passages(row: Mapping[str, Any], split: Split) -> Iterator[Record]:
    if not is_original(row):
        raise ValueError("no passages with qa_pairs")
    for passage in row.values():
        for asked in passage["qa_pairs"]:
            given = [asked["answer"], *asked.get("validated_answers", ())]
            answers = [text for one in given if (text := _answer(one))]
            yield _record(
                passage["passage"], asked["question"], answers, split, asked.get("query_id")
            )


def _answer(answer: Mapping[str, Any]) -> str:
    """An answer as text: its number, its spans, or its date; "" if it has none."""
    if answer.get("number"):
        return str(answer["number"])
    if answer.get("spans"):
        return ", ".join(answer["spans"])
    date = answer.get("date") or {}
    return " ".join(str(date[part]) for part in ("day", "month", "year") if date.get(part))


def _record(passage: str, question: str, answers: list[str], split: Split, number: Any) -> Record:
    found = tuple(dict.fromkeys(answer.strip() for answer in answers))
    if not found:
        raise ValueError("no answer")
    return Record(
        id=f"drop/{digest(passage, question)}",
        dataset="drop",
        domain="qa",
        question=question.strip(),
        reference_answer=found[0],
        answer_type="text",
        answers=found,
        context=passage.strip(),
        split=split,
        metadata={"original_id": "" if number is None else str(number)},
    )


DROP = PublicSet(
    "drop",
    "qa",
    files=r"(^|[^a-z])drop([^a-z]|$)",
    accepts=lambda row: _of_rows(row) or is_original(row),
    read=read,
    hub=HubSplits("ucinlp/drop", None, {"train": "train", "validation": "validation"}),
    held_out=True,
)
