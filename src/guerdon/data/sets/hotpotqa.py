"""HotpotQA: questions over several paragraphs, with one short answer each.

Formats: the original JSON and AFlow's lines (context as [title, sentences] pairs, or the text of
such a list), the hub's (context as columns title and sentences).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

from guerdon.data.sets.record import HubSplits, PublicSet, Record, Split, digest, has_keys, text_of


def read(row: Mapping[str, Any], split: Split) -> list[Record]:
    """The record of one row; its context is every paragraph under its title."""
    question, answer = text_of(row, "question"), text_of(row, "answer")
    paragraphs = _paragraphs(row.get("context"))
    number = str(row.get("_id") or row.get("id") or digest(question))
    return [
        Record(
            id=f"hotpotqa/{number}",
            dataset="hotpotqa",
            domain="qa",
            question=question.strip(),
            reference_answer=answer.strip(),
            answer_type="text",
            context="\n".join(f"{title}: {text}" for title, text in paragraphs),
            split=split,
            metadata={"original_id": number, "type": str(row.get("type", "")),
                      "level": str(row.get("level", ""))},
        )
    ]  # fmt: skip


def _paragraphs(context: Any) -> list[tuple[str, str]]:
    """Titles and texts."""
    if isinstance(context, str):
        context = _from_text(context)
    if isinstance(context, Mapping):
        titles, sentences = context.get("title"), context.get("sentences")
        if not isinstance(titles, Sequence) or not isinstance(sentences, Sequence):
            raise ValueError("context has no columns title and sentences")
        context = list(zip(titles, sentences, strict=True))
    if not isinstance(context, list) or not context:
        raise ValueError("no context")
    found = []
    for entry in context:
        if not isinstance(entry, (list, tuple)) or len(entry) != 2:
            raise ValueError("context is no list of [title, sentences]")
        title, sentences = entry
        found.append((str(title), "".join(map(str, sentences)).strip()))
    return found


def _from_text(text: str) -> Any:
    """A list that was written as text, by JSON or by Python."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"context is a text that holds no list: {text[:40]!r}") from None


HOTPOTQA = PublicSet(
    "hotpotqa",
    "qa",
    files=r"hotpot",
    accepts=has_keys({"question", "answer", "context"}),
    read=read,
    hub=HubSplits(
        "hotpotqa/hotpot_qa", "distractor", {"train": "train", "validation": "validation"}
    ),
)
