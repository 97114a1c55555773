"""Record: one problem of a public data set, whichever set it is of; and its row of JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Domain = Literal["math", "qa", "code"]
AnswerType = Literal["numeric", "text", "code"]
Split = Literal["train", "validation", "test", "all"]
"""all: the file does not say."""

UNANSWERABLE = "unanswerable"
"""The answer to a question that its context does not answer: a label like any other."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One problem with its reference answer.

    Args:
        id: ``set/key``; equal ids are the same problem in whatever file it was found.
        answers: every text that counts as right; none: ``reference_answer`` alone.
        context: of a question, the text that it is about.
        entry_point: of a programming problem, the function to write.
        test: all of its tests, as the source of ``check(candidate)``.
        hidden_test: the same without the public ones: what a training reward runs.
        public_tests: lines ``assert candidate(...) == ...`` that a workflow may run.
        setup: code that the tests rely on.
        split: of the source; None: the source does not say.
    """

    id: str
    dataset: str
    domain: Domain
    question: str
    reference_answer: str
    answer_type: AnswerType
    answers: tuple[str, ...] = ()
    context: str = ""
    entry_point: str = ""
    test: str = ""
    hidden_test: str = ""
    public_tests: tuple[str, ...] = ()
    setup: str = ""
    split: Split = "all"
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """What is asked, with its context."""
        if not self.context:
            return self.question
        may_lack = self.metadata.get("may_be_unanswerable", False)
        hint = f'\n\nIf the context has no answer, answer "{UNANSWERABLE}".' if may_lack else ""
        return f"Context: {self.context}\n\nQuestion: {self.question}{hint}\n\nAnswer:"

    @property
    def key(self) -> str:
        """Equal for problems that ask the same, whatever their white space and case."""
        return digest(self.context, self.question)

    def to_json(self) -> dict[str, Any]:
        """A row; fields that are empty are left out, but for those every row has."""
        row = {
            "id": self.id,
            "dataset": self.dataset,
            "domain": self.domain,
            "question": self.question,
            "reference_answer": self.reference_answer,
            "answer_type": self.answer_type,
            "metadata": {**self.metadata, "split": self.split},
        }
        more = {
            "context": self.context,
            "answers": list(self.answers),
            "entry_point": self.entry_point,
            "test": self.test,
            "hidden_test": self.hidden_test,
            "public_tests": list(self.public_tests),
            "setup": self.setup,
        }
        return row | {name: value for name, value in more.items() if value}


def from_json(row: Mapping[str, Any]) -> Record:
    """The record of a row.

    Raises:
        ValueError: the row lacks a key, or has another type or name in its place.
    """
    texts = ("id", "dataset", "domain", "question", "reference_answer", "answer_type")
    more = ("context", "entry_point", "test", "hidden_test", "setup")
    fields: dict[str, Any] = {}
    for name in texts + more:
        value = row.get(name, "")
        if not isinstance(value, str) or (name in texts and not value.strip()):
            raise ValueError(f"{name!r} must be a text, got {value!r:.60}")
        fields[name] = value
    for name, known in (("domain", get_args(Domain)), ("answer_type", get_args(AnswerType))):
        if fields[name] not in known:
            raise ValueError(f"{name} is {fields[name]!r}; use one of {', '.join(known)}")
    for name in ("answers", "public_tests"):
        values = row.get(name, [])
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise ValueError(f"{name!r} must be a list of texts")
        fields[name] = tuple(values)
    metadata = dict(row.get("metadata") or {})
    split = metadata.pop("split", "all")
    if fields["domain"] == "code" and not (fields["entry_point"] and fields["test"]):
        raise ValueError("a programming problem needs 'entry_point' and 'test'")
    return Record(**fields, split=split, metadata=metadata)


@dataclass(frozen=True)
class HubSplits:
    """Where a set is on the Hugging Face hub."""

    name: str
    subset: str | None
    splits: Mapping[str, Split]
    """Name on the hub -> which split that is."""


@dataclass(frozen=True)
class PublicSet:
    """A public data set: where it is found and how its rows are read.

    Args:
        files: a regular expression that the lower-case path of its files matches.
        accepts: whether a row has the keys of one of its formats; a file of others is not of this
            set.
        read: the records in one row; ValueError says what is wrong with it.
        held_out: never trained on, unless asked for.
    """

    name: str
    domain: Domain
    files: str
    accepts: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any], Split], Sequence[Record]]
    hub: HubSplits
    held_out: bool = False


def has_keys(*formats: set[str]) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a row has all keys of one of these formats."""
    return lambda row: any(keys <= row.keys() for keys in formats)


def digest(*texts: str) -> str:
    """A short name for texts, equal if they differ in white space and case only."""
    plain = [" ".join(text.split()).casefold() for text in texts]
    return hashlib.blake2b(json.dumps(plain).encode(), digest_size=8).hexdigest()


def text_of(row: Mapping[str, Any], *names: str) -> str:
    """The first of these keys that holds a text.

    Raises:
        ValueError: none does.
    """
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
    raise ValueError(f"no text under {' or '.join(map(repr, names))}")
