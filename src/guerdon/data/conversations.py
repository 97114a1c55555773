"""``ConversationFile``: conversations to imitate, for the supervised warm-up and for `ptx`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from guerdon.data.messages import check_text, read_messages
from guerdon.data.readers import Row, each_row
from guerdon.errors import ConfigError
from guerdon.types import Message


@dataclass(frozen=True, kw_only=True)
class ConversationFile:
    """Rows with ``messages`` (JSON, JSONL or parquet), each ending with the assistant; or with a
    question and its answer, in the columns ``prompt`` and ``response``."""

    path: str
    prompt: tuple[str, ...] = ()
    """Columns of the question, joined by a space where they are not empty."""
    response: str | None = None
    """The column of the answer."""
    limit: int | None = None
    """Conversations to keep, the first ones."""
    max_bad_rows: int = 0
    """Malformed rows to skip; one more is an error."""

    def __post_init__(self) -> None:
        if bool(self.prompt) != bool(self.response):
            raise ConfigError(
                f"prompt={list(self.prompt)} and response={self.response!r} go together: give both "
                f"for rows of questions and answers, neither for rows with messages"
            )

    def problems(self) -> list[str]:
        """What is wrong with the file; empty if nothing is."""
        try:
            self.load()
        except ConfigError as error:
            return error.problems
        return []

    def load(self) -> list[tuple[Message, ...]]:
        """Read all conversations.

        Raises:
            ConfigError: a missing, empty or malformed file; names file and line.
        """
        path = Path(self.path).expanduser()
        return each_row(path, self._conversation, self.max_bad_rows)[: self.limit]

    def _conversation(self, row: Row) -> tuple[Message, ...]:
        if self.response is None:
            return _conversation(row)
        question = " ".join(filter(None, (_text(row, name) for name in self.prompt)))
        if not question:
            raise ValueError(f"no question in {', '.join(self.prompt)}")
        answer = _text(row, self.response)
        return {"role": "user", "content": question}, {"role": "assistant", "content": answer}


def _text(row: Row, name: str) -> str:
    text = row.values.get(name)
    if not isinstance(text, str):
        raise ValueError(f"no text in {name!r}; its keys: {', '.join(row.values) or 'none'}")
    return check_text(text)


def _conversation(row: Row) -> tuple[Message, ...]:
    if row.values.get("messages") is None:
        raise ValueError(f"no messages; its keys: {', '.join(row.values) or 'none'}")
    messages = read_messages(row.values["messages"])
    if messages[-1]["role"] != "assistant":
        raise ValueError("the conversation does not end with the assistant")
    if not any(message["role"] == "user" for message in messages):
        raise ValueError("the conversation has no user message")
    return messages
