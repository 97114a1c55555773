"""Calls of tools as text: function schemas, reading calls out of a reply, checking arguments.

A call is the JSON object ``{"name": ..., "arguments": {...}}`` between ``<tool_call>`` tags,
several of them for several calls; a reply without one is the final answer, which reaches the game
as a call of ``answer``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ANSWER = "answer"
"""The name under which a final answer reaches the game, as its argument ``text``."""
EXAMPLE = '<tool_call>{"name": NAME, "arguments": {...}}</tool_call>'
MAX_CALL = 20_000
"""Characters of one call that are looked at."""

_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a call was not made."""

    text: str
    is_malformed: bool = False
    """It is no call at all; else it names what is not there."""


def function(name: str, description: str, /, **arguments: tuple[str, str]) -> dict[str, Any]:
    """The schema of a function whose arguments, all required, are ``name=(type, meaning)``."""
    properties = {
        argument: {"type": kind, "description": meaning}
        for argument, (kind, meaning) in arguments.items()
    }
    parameters = {"type": "object", "properties": properties, "required": list(arguments)}
    inner = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": inner}


def call(name: str, /, **arguments: Any) -> str:
    """A call as the action that ``step`` is given."""
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def parse(action: str) -> tuple[str, dict[str, Any]]:
    """Name and arguments of an action that `call` or `read_calls` made."""
    record = json.loads(action)
    return record["name"], record["arguments"]


def write_calls(actions: Sequence[str]) -> str:
    """A reply that makes these calls; an answer is its own text."""
    parts = []
    for action in actions:
        name, arguments = parse(action)
        is_answer = name == ANSWER and set(arguments) == {"text"}
        parts.append(arguments["text"] if is_answer else f"<tool_call>{action}</tool_call>")
    return "\n".join(parts)


def read_calls(reply: str, schemas: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Problem]]:
    """The calls of a reply that can be made, and what is wrong with the others."""
    found = _CALL.findall(reply)
    if not found and "<tool_call>" not in reply:
        text = _THOUGHT.sub("", reply, count=1).strip()
        return ([call(ANSWER, text=text)], []) if text else ([], [Problem("Nothing was said.")])
    if not found:
        return [], [Problem("The call has no end.", is_malformed=True)]
    known = {schema["function"]["name"]: schema["function"] for schema in schemas}
    checked = [_check(text, known) for text in found]
    calls = [one for one in checked if isinstance(one, str)]
    return calls, [one for one in checked if isinstance(one, Problem)]


def _check(text: str, known: Mapping[str, Mapping[str, Any]]) -> str | Problem:
    try:
        record = json.loads(text[:MAX_CALL])
    except (ValueError, RecursionError):
        return Problem("The call is not JSON.", is_malformed=True)
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        return Problem('The call is not {"name": ..., "arguments": {...}}.', is_malformed=True)
    name, arguments = record["name"], record.get("arguments", {})
    if not isinstance(arguments, dict):
        return Problem("arguments must be an object.", is_malformed=True)
    if name not in known:
        return Problem(f"There is no tool {name!r:.60}; there are: {', '.join(known)}.")
    wrong = _arguments(known[name]["parameters"], arguments)
    return Problem(f"{name}: {wrong}") if wrong else call(name, **arguments)


def _arguments(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments; empty: nothing."""
    properties = parameters.get("properties", {})
    for name in parameters.get("required", ()):
        if name not in arguments:
            return f"argument {name!r} is missing."
    for name, value in arguments.items():
        if name not in properties:
            return f"there is no argument {name!r:.60}; there are: {', '.join(properties)}."
        kind = properties[name].get("type", "")
        is_bool = isinstance(value, bool) and kind in ("integer", "number")
        if is_bool or not isinstance(value, _TYPES.get(kind, object)):
            return f"argument {name!r} must be of type {kind}."
    return ""
