"""What a row means: finds the prompt, the reference answer, the domain and the id.

Formats are told apart by the keys a row has; ``RowFormat`` overrides each choice. ``docs/data.md``
lists them for users.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guerdon.data import markup
from guerdon.data.messages import check_order, check_text, read_messages
from guerdon.types import Message, Task

PROMPT_KEYS = ("messages", "prompt", "question", "problem", "text")
ANSWER_KEYS = (
    "reward_model.ground_truth",
    "answer",
    "ground_truth",
    "golden_answer",
    "target",
    "solution",
)
ID_KEYS = ("id", "task_id", "unique_id", "_id")

TEMPLATED = "a prompt was ready-made chat markup, parsed back into messages"
PREFILL = "a reply begun in the prompt was taken off (kept in info.prefill)"
REPLY = "a reply at the end of a conversation was taken off the prompt"
LITERAL = "chat markup in the middle of a prompt was left as text"
BOXED = r"\boxed{{}} in a prompt was repaired to \boxed{}"
NO_ANSWER = "a task has no reference answer"

_MARKS = re.compile(r"<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|\[/INST\]")
_FINAL = re.compile(r"^####[ \t]*(\S.*?)\s*$", re.MULTILINE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")


@dataclass(frozen=True, kw_only=True)
class RowFormat:
    """Which keys to read and what to add. None: found by content. A key may be dotted."""

    prompt_key: str | None = None
    answer_key: str | None = None
    domain: str | None = None
    domain_key: str | None = None
    system: str | None = None
    """Takes the place of the row's system message, if any."""
    instruction: str | None = None
    """Appended to the last user message, on a line of its own."""


@dataclass(frozen=True, slots=True)
class ReadTask:
    """A task, and what had to be done to its row (in words, see the constants above)."""

    task: Task
    notes: tuple[str, ...]


def read_task(row: Mapping[str, Any], row_format: RowFormat) -> ReadTask:
    """Make the task of one row.

    Raises:
        ValueError: the row is malformed; the message says what is missing or wrong.
    """
    notes: list[str] = []
    prompt_key = _prompt_key(row, row_format)
    prompt, extra = _read_prompt(_get(row, prompt_key), prompt_key, notes)
    if prompt and prompt[-1]["role"] == "assistant":
        notes.append(REPLY)
        prompt = prompt[:-1]
    if not prompt or prompt[-1]["role"] not in ("user", "tool"):
        raise ValueError("the prompt has no user message at its end")
    if not prompt[-1]["content"].strip():
        raise ValueError("the prompt is empty")
    prompt = _dress(prompt, row_format)
    answer = _read_answer(row, row_format)
    if answer is None:
        notes.append(NO_ANSWER)
    info = {key: value for key, value in _json_like(row).items() if key != prompt_key}
    task_id = _row_id(row) or content_id(prompt, answer)
    task = Task(task_id, prompt, answer, _domain(row, row_format), info | extra)
    return ReadTask(task, tuple(notes))


def content_id(prompt: tuple[Message, ...], answer: str | None) -> str:
    """The id of a task whose row has none: equal for equal prompts and answers, in any file."""
    return _digest([[message["role"], message["content"]] for message in prompt] + [answer])


def prompt_key_of(task: Task) -> str:
    """Equal for tasks that ask the same, whatever their system message, white space, answer or
    id."""
    asked = [message for message in task.prompt if message["role"] != "system"]
    return _digest([[message["role"], " ".join(message["content"].split())] for message in asked])


def last_boxed(text: str) -> str | None:
    r"""What is in the last ``\boxed{}`` of ``text``, braces nested to any depth; None without
    one."""
    for opening in reversed(list(_BOX.finditer(text))):
        depth, escaped = 1, False
        for at in range(opening.end(), len(text)):
            if escaped or text[at] == "\\":
                escaped = not escaped
            elif text[at] in "{}":
                depth += 1 if text[at] == "{" else -1
                if depth == 0:
                    return text[opening.end() : at].strip()
    return None


def _digest(content: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()


def _get(row: Mapping[str, Any], key: str) -> Any:
    """The value at ``key``, or at a dotted path; None where there is nothing."""
    value: Any = row
    for part in [key] if key in row else key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _prompt_key(row: Mapping[str, Any], row_format: RowFormat) -> str:
    has = ", ".join(key for key, value in row.items() if value is not None) or "none"
    if row_format.prompt_key is not None:
        if _get(row, row_format.prompt_key) is None:
            raise ValueError(f"no {row_format.prompt_key!r} (prompt_key); its keys: {has}")
        return row_format.prompt_key
    for key in PROMPT_KEYS:
        if row.get(key) is not None:
            return key
    raise ValueError(f"no prompt: set prompt_key to one of its keys: {has}")


def _read_prompt(
    value: Any, key: str, notes: list[str]
) -> tuple[tuple[Message, ...], dict[str, Any]]:
    """The messages of a prompt, markup parsed back; and what else it held, for ``info``."""
    if isinstance(value, str) and key.rpartition(".")[2] != "messages":
        value = [{"role": "user", "content": value}]
    messages: list[Message] = []
    prefill = None
    for message in read_messages(value):
        templated = markup.parse(message["content"])
        if templated is None:
            messages.append(message)
            continue
        notes.append(TEMPLATED)
        messages += templated.messages
        prefill = templated.prefill
    if prefill is not None:
        notes.append(PREFILL)
    if any(_MARKS.search(message["content"]) for message in messages):
        notes.append(LITERAL)
    if any(r"\boxed{{}}" in message["content"] for message in messages):
        notes.append(BOXED)
        messages = [
            {**message, "content": message["content"].replace(r"\boxed{{}}", r"\boxed{}")}
            for message in messages
        ]
    check_order(tuple(messages))
    return tuple(messages), {} if prefill is None else {"prefill": prefill}


def _dress(prompt: tuple[Message, ...], row_format: RowFormat) -> tuple[Message, ...]:
    messages = list(prompt)
    if row_format.instruction is not None:
        last = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=None)
        if last is None:
            raise ValueError("the prompt has no user message to append the instruction to")
        content = messages[last]["content"]
        if row_format.instruction.strip() not in content:  # many data sets bring it along
            content = f"{content}\n{row_format.instruction}"
        messages[last] = {"role": "user", "content": content}
    if row_format.system is not None:
        messages = [message for message in messages if message["role"] != "system"]
        messages.insert(0, {"role": "system", "content": row_format.system})
    return tuple(messages)


def _read_answer(row: Mapping[str, Any], row_format: RowFormat) -> str | None:
    """The reference: after the last ``####`` line, or in the last box, or the value itself."""
    keys = ANSWER_KEYS if row_format.answer_key is None else (row_format.answer_key,)
    key = next((key for key in keys if _get(row, key) is not None), None)
    if key is None:
        if row_format.answer_key is not None:
            raise ValueError(f"no {row_format.answer_key!r} (answer_key)")
        return None
    text = _as_text(_get(row, key))
    if not text.strip():
        raise ValueError(f"{key!r} is empty")
    finals = _FINAL.findall(text)
    if finals:
        return str(finals[-1])
    boxed = last_boxed(text)
    if boxed is None and key == "solution" and row_format.answer_key is None:
        raise ValueError(r"its solution has no \boxed{} answer; set answer_key if another key has")
    if boxed == "":
        raise ValueError(rf"the \boxed{{}} of {key!r} is empty")
    return boxed if boxed is not None else text.strip()


def _as_text(value: Any) -> str:
    """A text as it is, the one element of a list, anything else as JSON."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return check_text(value) if isinstance(value, str) else json.dumps(value, default=str)


def _domain(row: Mapping[str, Any], row_format: RowFormat) -> str:
    if row_format.domain is not None:
        return row_format.domain
    key = row_format.domain_key or "data_source"
    value = _get(row, key)
    if value is None and row_format.domain_key is not None:
        raise ValueError(f"no {key!r} (domain_key)")
    return "default" if value is None else str(value)


def _row_id(row: Mapping[str, Any]) -> str | None:
    return next((str(row[key]) for key in ID_KEYS if row.get(key) not in (None, "")), None)


def _json_like(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as JSON would give it back: dates and the like as text, absent values left out."""
    present = {key: value for key, value in row.items() if value is not None}
    plain: dict[str, Any] = json.loads(json.dumps(present, default=str), parse_constant=_no_number)
    return plain


def _no_number(name: str) -> None:
    return None
