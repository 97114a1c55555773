"""What an attack is, and when it was held."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from guerdon.sandbox.results import Result, Status

BREACH = "BREACH"
"""What a program prints when it got through."""

OK = frozenset({Status.ok})
STOPPED = frozenset({Status.timeout, Status.out_of_memory, Status.killed, Status.exception})


@dataclass(frozen=True)
class Attack:
    """A program that tries to break a promise.

    Words in capitals in a program stand for things of this machine: SECRET_FILE, TARGET_FILE, PORT,
    HOST_PID, TOKEN, FOLDER_MB, FOLDER_FILES, MEMORY_MB, MAX_FILES.
    """

    name: str
    promise: str
    program: str
    """Prints BREACH if it got through."""
    function: str | None = None
    """Call it, instead of running the program; its value must not be the answer."""
    ends: frozenset[Status] = OK
    """How the program may end; one that ends otherwise may not have tried, and is not held."""
    then: str = ""
    """A second program for the same worker, which must not print BREACH either."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "program", dedent(self.program).strip())
        object.__setattr__(self, "then", dedent(self.then).strip())

    def is_held(self, result: Result, answer: object) -> bool:
        """Whether the result shows nothing that was not promised. ``answer`` is what a program
        would have to give back to be called correct."""
        broke = BREACH in result.output or BREACH in result.errors
        is_correct = result.ok and type(result.value) is type(answer) and result.value == answer
        return result.status in self.ends and not broke and not is_correct
