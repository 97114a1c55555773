"""Answer questions by searching local documents: a tool environment without a server."""

from __future__ import annotations

import functools
import json
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guerdon.envs import tools
from guerdon.envs.games import archive
from guerdon.envs.games.archive import Document
from guerdon.errors import ConfigError, EnvError
from guerdon.types import Task

_SEARCH = tools.function(
    "search", "Finds documents by the words in them.", query=("string", "a few words")
)


@dataclass(kw_only=True)
class SearchGame:
    """The task's prompt is the question, its ``answer`` the right one; 1 for saying it, which ends
    the episode. ``search`` shows the best documents.

    Args:
        documents: a JSONL file of objects with ``title`` and ``text``; None: the made-up archive of
            `archive`, whose questions are `archive.ArchiveTasks`.
        num_results: documents a search shows.
        max_chars: of a document's text.
        call_cost: taken off for each search.
        archive_seed: which archive.
        archive_towns: its size.
    """

    documents: str | None = None
    num_results: int = 3
    max_chars: int = 1000
    call_cost: float = 0.0
    archive_seed: int = 0
    archive_towns: int = 80
    instruction: str = field(
        default="Answer the question. You can search an archive. Your final answer is short.",
        init=False,
        repr=False,
    )
    _task: Task | None = field(default=None, init=False, repr=False)
    _queries: list[str] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.num_results < 1:
            raise ConfigError(f"SearchGame: num_results must be at least 1, not {self.num_results}")
        if self.documents is not None:
            read_documents(self.documents)

    def tools(self) -> list[dict[str, Any]]:
        """Search."""
        return [_SEARCH]

    def reset(self, task: Task, seed: int) -> tuple[str, dict[str, float]]:
        """The task's prompt says it all."""
        if task.answer is None:
            raise EnvError(f"task {task.id!r} has no answer")
        self._task, self._queries = task, []
        return "", self._info(False)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, float]]:
        """Search, or hear the answer."""
        name, arguments = tools.parse(action)
        assert self._task is not None and self._task.answer is not None
        if name == tools.ANSWER:
            won = _words(arguments["text"]) == _words(self._task.answer)
            return "Right." if won else "Wrong.", float(won), True, False, self._info(won)
        self._queries.append(arguments["query"])
        found = self._index().search(arguments["query"], self.num_results)
        lines = [f"{document.title}: {document.text[: self.max_chars]}" for document in found]
        told = "\n".join(lines) or "Nothing was found."
        return told, -self.call_cost, False, False, self._info(False)

    def anchor(self) -> str:
        """The task and what was searched for."""
        return f"{self._task.id if self._task else ''} {self._queries}"

    def oracle(self) -> str:
        """The searches of ``task.info["queries"]``, if it names some, then the answer."""
        assert self._task is not None
        queries = self._task.info.get("queries", [])
        if len(self._queries) < len(queries):
            return tools.call("search", query=queries[len(self._queries)])
        return tools.call(tools.ANSWER, text=self._task.answer)

    def sample(self, draw: random.Random) -> str:
        """A search for the title of any document, or any document's last word as the answer."""
        document = draw.choice(self._index().documents)
        if draw.random() < 0.5:
            return tools.call("search", query=document.title)
        return tools.call(tools.ANSWER, text=document.text.rstrip(".").split()[-1])

    def _index(self) -> Index:
        if self.documents is not None:
            return _file_index(self.documents)
        return _archive_index(self.archive_seed, self.archive_towns)

    def _info(self, won: bool) -> dict[str, float]:
        return {"success": float(won), "tool_calls": float(len(self._queries))}


class Index:
    """Documents by their words, best first.

    score(d) = sum over query words w of idf(w) tf (k + 1) / (tf + k (1 - b + b |d| / mean |d|)).

    Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", eq. 3.15.
    """

    def __init__(self, documents: Sequence[Document], k: float = 1.5, b: float = 0.75) -> None:
        self.documents = tuple(documents)
        self._k, self._b = k, b
        self._counts = [Counter(_words(f"{d.title} {d.text}")) for d in documents]
        self._lengths = [sum(count.values()) for count in self._counts]
        self._mean = sum(self._lengths) / max(1, len(documents))
        self._num_with = Counter(word for count in self._counts for word in count)

    def search(self, query: str, num_results: int) -> list[Document]:
        """The best documents that have a word of the query; the first of equals first."""
        words = set(_words(query))
        scores = [self._score(words, number) for number in range(len(self.documents))]
        order = sorted(range(len(scores)), key=lambda number: -scores[number])
        return [self.documents[number] for number in order[:num_results] if scores[number] > 0]

    def _score(self, words: set[str], number: int) -> float:
        count, total = self._counts[number], 0.0
        scale = self._k * (1 - self._b + self._b * self._lengths[number] / self._mean)
        for word in words & count.keys():
            n = self._num_with[word]
            idf = math.log(1 + (len(self.documents) - n + 0.5) / (n + 0.5))
            total += idf * count[word] * (self._k + 1) / (count[word] + scale)
        return total


def read_documents(path: str) -> list[Document]:
    """The documents of a JSONL file.

    Raises:
        ConfigError: there is no such file, or a line is no document.
    """
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"SearchGame: no file of documents at {path!r}")
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            found.append(Document(str(record["title"]), str(record["text"])))
        except (ValueError, KeyError, TypeError):
            raise ConfigError(
                f"SearchGame: {path}:{number} is no JSON object with title and text"
            ) from None
    if not found:
        raise ConfigError(f"SearchGame: {path!r} has no documents")
    return found


@functools.lru_cache(maxsize=4)
def _file_index(path: str) -> Index:
    return Index(read_documents(path))


@functools.lru_cache(maxsize=4)
def _archive_index(seed: int, num_towns: int) -> Index:
    return Index(archive.documents(seed, num_towns))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
