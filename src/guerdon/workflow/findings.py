"""What can be wrong with a workflow: a code, a line, and what to do about it.

E codes make a workflow invalid, W codes do not. Every finding of a workflow is reported at once.
"""

from __future__ import annotations

from dataclasses import dataclass

CODES = {
    "E101": "cannot be parsed",
    "E102": "no Workflow class, no __call__, or nothing in it",
    "E103": "not the signature of the domain",
    "E201": "unknown operator",
    "E202": "operator is not created in __init__",
    "E203": "operator is not imported",
    "E204": "operator is not allowed here",
    "E205": "unknown, missing or repeated keyword",
    "E206": "types do not fit",
    "E301": "variable is undefined, or not defined on every path",
    "E302": "operator is called without await",
    "E303": "a path ends without return",
    "E304": "the answer depends on no operator",
    "E305": "loop without a bound, or above it",
    "E401": "construct is not part of the language",
    "E402": "may make more calls than the budget allows",
    "W501": "result is never used",
    "W502": "the same call is made twice",
    "W503": "a prompt holds a placeholder that nothing fills",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        code: a key of `CODES`.
        line: in the text that was read; 0 where no line is to blame.
        subject: the name it is about, for counters and repairs.
    """

    code: str
    line: int
    message: str
    hint: str = ""
    subject: str = ""

    def __post_init__(self) -> None:
        assert self.code in CODES, self.code

    @property
    def is_error(self) -> bool:
        """Whether it makes the workflow invalid."""
        return self.code.startswith("E")

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.code} {where}{self.message}{hint}"


class Refused(Exception):
    """What a reader raises at a construct it cannot go on from; caught where findings are kept."""

    def __init__(self, code: str, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.finding = Finding(code, line, message, hint)
