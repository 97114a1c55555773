"""EVOUNA: five systems' answers to Natural Questions and TriviaQA, each judged by people.

Source: wangcunxiang/QA-Eval, ``EVOUNA/NQ.json`` and ``EVOUNA/TQ.json`` (arXiv:2305.12421). As its
authors do, questions they call improper are left out, and so are answers nobody judged.
"""

from __future__ import annotations

from pathlib import Path

from guerdon.data.labelled import Labelled
from guerdon.data.labelled.rows import question, to_label
from guerdon.data.readers import Row, each_row

SYSTEMS = ("fid", "gpt35", "chatgpt", "gpt4", "newbing")


def read(path: Path) -> list[Labelled]:
    """Read one of the two files; the domain of a task is the system that answered it.

    The golden answers, which the file joins by "/", are the list ``task.info["answers"]``, and
    ``task.answer`` is the first of them.

    Raises:
        ConfigError: a row is malformed; names file and row.
    """
    return [one for several in each_row(path, _answers) for one in several]


def _answers(row: Row) -> list[Labelled]:
    values = row.values
    if values["improper"]:
        return []
    golden = [part.strip() for part in values["golden_answer"].split("/") if part.strip()]
    if not golden:
        raise ValueError("'golden_answer' is empty")
    return [
        Labelled(
            question(values["question"], golden[0], system, answers=golden),
            (values[f"answer_{system}"],),
            to_label(values[f"judge_{system}"]),
        )
        for system in SYSTEMS
        if isinstance(values[f"judge_{system}"], bool)  # else null or "nan": nobody judged it
    ]
