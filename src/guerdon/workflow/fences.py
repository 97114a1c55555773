"""Fenced blocks of a model's reply, found line by line so that no reply takes long to read."""

from __future__ import annotations


def fenced_blocks(text: str) -> list[tuple[str, str]]:
    """(language tag, content) of each block; one that is not closed goes to the end."""
    found: list[tuple[str, str]] = []
    tag: str | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        mark = line.strip()
        if not mark.startswith("```"):
            lines.append(line)
        elif tag is None:
            tag, lines = mark[3:].strip().lower(), []
        else:
            found.append((tag, "\n".join(lines)))
            tag = None
    if tag is not None:
        found.append((tag, "\n".join(lines)))
    return found
