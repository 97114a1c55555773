"""SQuAD 2.0: questions about a paragraph, which may have no answer there.

Formats: the original JSON (articles with paragraphs with qas) and the hub's rows (context,
question, answers with columns text and answer_start). A question without an answer is labelled
`UNANSWERABLE`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guerdon.data.sets.record import (
    UNANSWERABLE,
    HubSplits,
    PublicSet,
    Record,
    Split,
    digest,
    has_keys,
    text_of,
)


def read(row: Mapping[str, Any], split: Split) -> list[Record]:
    """The records of an article, or of one row of the hub."""
    if "paragraphs" in row:
        return list(_article(row, split))
    answers = row.get("answers")
    if not isinstance(answers, Mapping) or not isinstance(answers.get("text"), Sequence):
        raise ValueError("answers has no column text")
    return [_record(row, text_of(row, "context"), list(answers["text"]), split, row.get("title"))]


def _article(row: Mapping[str, Any], split: Split) -> Iterator[Record]:
    try:
        for paragraph in row["paragraphs"]:
            for asked in paragraph["qas"]:
                texts = [] if asked.get("is_impossible") else [a["text"] for a in asked["answers"]]
                yield _record(asked, paragraph["context"], texts, split, row.get("title"))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no article of SQuAD: {error!r}") from None


def _record(
    asked: Mapping[str, Any], context: str, texts: list[str], split: Split, title: Any
) -> Record:
    question = text_of(asked, "question")
    answers = tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
    number = str(asked.get("id") or digest(context, question))
    return Record(
        id=f"squad/{number}",
        dataset="squad",
        domain="qa",
        question=question.strip(),
        reference_answer=answers[0] if answers else UNANSWERABLE,
        answer_type="text",
        answers=answers or (UNANSWERABLE,),
        context=context.strip(),
        split=split,
        metadata={
            "original_id": number,
            "title": str(title or ""),
            "is_unanswerable": not answers,
            "may_be_unanswerable": True,
        },
    )


SQUAD = PublicSet(
    "squad",
    "qa",
    files=r"squad|(train|dev)-v2\.0\.json",
    accepts=has_keys({"title", "paragraphs"}, {"context", "question", "answers"}),
    read=read,
    hub=HubSplits("rajpurkar/squad_v2", None, {"train": "train", "validation": "validation"}),
)
