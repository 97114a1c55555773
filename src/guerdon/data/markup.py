"""Chat markup inside a prompt's text, parsed back into messages.

Some data sets ship prompts that already went through one model's chat template. Templating them
again would train on nested markup, so the messages are recovered here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from guerdon.types import Message, Role

ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "ipython": "tool",
}
_START_TOKENS = re.compile(r"(?:\s|<s>|<bos>|<\|begin_of_text\|>)*")


@dataclass(frozen=True, slots=True)
class Markup:
    """How a family of templates marks a turn: ``opening`` captures the role, ``closing`` ends
    it."""

    opening: re.Pattern[str]
    closing: str


FAMILIES = {
    "ChatML": Markup(re.compile(r"<\|im_start\|>(\w+)\n"), "<|im_end|>"),
    "Llama 3": Markup(
        re.compile(r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n"), "<|eot_id|>"
    ),
    "Gemma": Markup(re.compile(r"<start_of_turn>(\w+)\n"), "<end_of_turn>"),
}
_INSTRUCTION = re.compile(r"\[INST\]\s*(.*?)\s*\[/INST\]\s*(.*?)\s*(?:</s>|(?=\[INST\])|\Z)", re.S)
_INST_SYSTEM = re.compile(r"<<SYS>>\s*(.*?)\s*<</SYS>>\s*", re.S)


@dataclass(frozen=True, slots=True)
class Templated:
    """The messages of a templated text, and the reply it had begun (``None``: it had not)."""

    messages: tuple[Message, ...]
    prefill: str | None = None


def parse(text: str) -> Templated | None:
    """Recover the messages of ``text``; None if it does not start with the markup of a known
    family.

    Raises:
        ValueError: it starts like templated text, but a role is unknown or text stands between two
            turns.
    """
    body = text[_match_end(_START_TOKENS, text) :]
    if body.startswith("[INST]"):
        return _parse_instruction(body)
    for name, markup in FAMILIES.items():
        if markup.opening.match(body):
            return _parse_turns(body, name, markup)
    return None


def _match_end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _parse_turns(text: str, family: str, markup: Markup) -> Templated:
    openings = list(markup.opening.finditer(text))
    ends = [opening.start() for opening in openings[1:]] + [len(text)]
    messages: list[Message] = []
    for opening, end in zip(openings, ends, strict=True):
        role = ROLES.get(opening[1])
        if role is None:
            raise ValueError(f"{family} markup with the unknown role {opening[1]!r}")
        content, closed, rest = text[opening.end() : end].partition(markup.closing)
        if rest.strip():
            raise ValueError(f"{family} markup with text between its turns: {rest.strip()[:40]!r}")
        if not closed and end == len(text) and role == "assistant":
            return Templated(tuple(messages), prefill=content if content.strip() else None)
        messages.append({"role": role, "content": content})
    return Templated(tuple(messages))


def _parse_instruction(text: str) -> Templated:
    messages: list[Message] = []
    end = 0
    for match in _INSTRUCTION.finditer(text):
        if text[end : match.start()].strip() not in ("", "<s>"):
            raise ValueError(f"[INST] markup with text between its turns: {text[end:][:40]!r}")
        end = match.end()
        user, reply = match[1], match[2]
        system = _INST_SYSTEM.match(user)
        if system:
            messages.append({"role": "system", "content": system[1]})
            user = user[system.end() :]
        messages.append({"role": "user", "content": user})
        if match[0].endswith("</s>") or (reply and end < len(text)):
            messages.append({"role": "assistant", "content": reply})
        elif reply:
            return Templated(tuple(messages), prefill=reply)
    if text[end:].strip():
        raise ValueError(f"[INST] markup that is not closed: {text[end:][:40]!r}")
    return Templated(tuple(messages))
