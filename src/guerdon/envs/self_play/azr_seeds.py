"""Problems from files in Absolute Zero's JSONL schemas or our own, and what each line is good for.

    {"snippet", "input", "output", "imports", ...}               an output, an input or an error
    {"snippet", "inputs", "outputs", "message", "imports"}       several, and a message
    {"kind", "program", "inputs", "outputs", "message", ...}     as `guerdon tasks export` writes

Nothing is believed: every program is run again. Files that were written by an executor which cuts
long outputs, or takes a failure for an empty output, hold lines that no answer fits.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from guerdon.envs.self_play.literals import NotLiteral, read_value, same
from guerdon.envs.self_play.problems import NO_ERROR, Kind, Problem
from guerdon.envs.self_play.programs import Unfit, Workshop
from guerdon.errors import ConfigError
from guerdon.sandbox import values

_CUT_CHARS = 400
"""Absolute Zero's executor keeps so many characters of an output and puts ``...`` in the middle."""


class Finding(StrEnum):
    """What a line of a seed file is good for."""

    good = "good: the program gives the recorded output again"
    empty_output = "an output is empty: the program had failed, and it was not noticed"
    elided_output = "an output was cut in the middle"
    not_literal = "an input or an output is no literal"
    not_a_program = "the program is no Python, or has no function f with a parameter"
    not_allowed = "the program uses what is not allowed"
    fails = "the program fails, or does not end in time"
    nondeterministic = "the program gives something else on another run"
    too_large = "an input or a value is longer than allowed"
    not_plain = "the program gives what is no plain value"
    differs = "the program gives another output than was recorded"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a seed file, as it was."""

    where: str
    """File and line."""
    program: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    message: str = ""
    kind: Kind | None = None
    """None: the line has one input, and does not say what it is for."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An entry, what was found, and the problem it makes, if it is good."""

    entry: Entry
    finding: Finding
    why: str = ""
    problem: Problem | None = None


def read_entries(path: Path) -> list[Entry]:
    """The lines of a seed file.

    Raises:
        ConfigError: it cannot be read, or a line has another schema.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        rows = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise ConfigError(f"seed file {path} cannot be read: {error}") from error
    return [_entry(f"{path.name}:{number}", row) for number, row in enumerate(rows, 1)]


def _entry(where: str, row: Mapping[str, Any]) -> Entry:
    try:
        if "program" in row:
            given = tuple(row["inputs"]), tuple(row["outputs"])
            return Entry(where, row["program"], *given, row.get("message", ""), row["kind"])
        imports = [line.strip() for line in row.get("imports") or ()]
        program = "\n".join([*imports, row["snippet"]])
        if "inputs" in row:
            several = tuple(row["inputs"]), tuple(row["outputs"])
            return Entry(where, program, *several, str(row["message"]), "code_f")
        return Entry(where, program, (row["input"],), (row["output"],))
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{where}: a seed has the keys snippet, input and output, or snippet, inputs, outputs "
            f"and message; here {error!r}"
        ) from error


async def check_entries(
    entries: Sequence[Entry], workshop: Workshop, kind: Kind | None = None
) -> list[Checked]:
    """Run every program again, all at once.

    Args:
        kind: what to make of lines that do not say it (code_o by default).

    Raises:
        SandboxError: the sandbox failed.
    """
    return list(await asyncio.gather(*(_check(entry, workshop, kind) for entry in entries)))


async def _check(entry: Entry, workshop: Workshop, kind: Kind | None) -> Checked:
    kind = entry.kind or kind or "code_o"
    for output in entry.outputs:
        if not output:
            return Checked(entry, Finding.empty_output)
        if is_cut(output):
            return Checked(entry, Finding.elided_output)
    try:
        workshop.look_at(entry.program)
        ran = [await workshop.run(entry.program, each, twice=True) for each in entry.inputs]
    except Unfit as unfit:
        return Checked(entry, _finding(unfit), str(unfit))
    expected = list(zip(ran, entry.outputs, strict=True))
    for each, output in expected:
        if each.error is not None and kind != "code_e":
            return Checked(entry, Finding.fails, f"f raises {each.error}")
        if kind == "code_e" and (each.error or NO_ERROR) != output:
            return Checked(entry, Finding.differs, f"{each.error or NO_ERROR}, not {output:.80}")
        if kind != "code_e":
            try:
                if not same(each.value, read_value(output)):
                    return Checked(entry, Finding.differs, f"{each.shown:.80}, not {output:.80}")
            except (NotLiteral, values.NotPlain, values.TooLarge) as error:
                return Checked(entry, Finding.not_literal, f"{output:.80}: {error}")
    outputs = tuple(output if kind == "code_e" else each.shown for each, output in expected)
    arguments = tuple(each.arguments for each in ran)
    problem = Problem(kind, entry.program, arguments, outputs, entry.message)
    return Checked(entry, Finding.good, problem=problem)


def is_cut(output: str) -> bool:
    """Whether an output is what is left of a longer one: both ends, and dots between them."""
    half = _CUT_CHARS // 2
    return len(output) == _CUT_CHARS + 3 and output[half : half + 3] == "..."


def _finding(unfit: Unfit) -> Finding:
    why = str(unfit)
    if unfit.stage == "input":
        return Finding.too_large if "more than" in why else Finding.not_literal
    if unfit.stage == "plain":
        is_large = "more than" in why or "too_large" in why
        return Finding.too_large if is_large else Finding.not_plain
    return {
        "syntax": Finding.not_a_program,
        "allowed": Finding.not_allowed,
        "runs": Finding.fails,
        "deterministic": Finding.nondeterministic,
    }[unfit.stage]
