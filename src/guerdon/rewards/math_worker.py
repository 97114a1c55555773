"""The program of one math-verify worker; ``workers.py`` starts and kills it.

Not imported by guerdon: it runs as a script, imports nothing of guerdon, and reads and writes
lines. After "ready", each request ``[gold, answer]`` (JSON) gets two lines:

    gold | no-gold           the reference answer parses, or not
    right | wrong | no-answer    the verdict; no-answer: the answer does not parse

math-verify runs without its own time-outs (they need ``signal.alarm``): whoever asks keeps the
time. Every end of the parent ends this process too: its pipe closes, the kernel sends a kill
(Linux), and the processor time of a request is limited (everywhere).
"""

import contextlib
import ctypes
import functools
import json
import logging
import math
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Serve requests until the input closes. Arguments: parent's process id, seconds a request,
    megabytes."""
    parent, limit_s, memory_mb = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    say = _take_stdout()
    _die_with(parent)
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_AS, memory_mb << 20)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer, which saves first
    logging.disable(logging.CRITICAL)
    read, same = _verifier()
    say("ready")
    for line in sys.stdin.buffer:
        _set_limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + 2 * limit_s) + 1)
        gold, answer = json.loads(line)
        reference = read(gold)
        say("gold" if reference else "no-gold")
        given = read(answer) if reference else []
        say("no-answer" if not given else "right" if same(reference, given) else "wrong")


def _verifier() -> tuple[Callable[[str], list[Any]], Callable[[list[Any], list[Any]], bool]]:
    """``read(text) -> expressions`` and ``same(gold, answer) -> bool``, from math-verify."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    def style(units: bool) -> LatexExtractionConfig:
        return LatexExtractionConfig(
            normalization_config=NormalizationConfig(
                basic_latex=True,
                units=units,
                malformed_operators=True,
                nits=True,
                boxed="none",
                equations=False,
            )
        )

    # 'a + b + c' parses only if c is not read as a unit, '5 cm' only if cm is
    styles = [style(units=True), style(units=False)]

    @functools.lru_cache(maxsize=4096)
    def read(text: str) -> list[Any]:
        number = re.sub(r"\\?%$", "", text)
        percent = text[len(number) :]  # math-verify reads '$5$\%' and not '$5\%$'
        for one in styles:
            found = parse(f"${number}${percent}", [one], parsing_timeout=None)
            if expressions := [each for each in found if not isinstance(each, str)]:
                return expressions
        return []

    def same(gold: list[Any], answer: list[Any]) -> bool:
        return bool(verify(gold, answer, timeout_seconds=None))

    return read, same


def _take_stdout() -> Callable[[str], None]:
    """A function that writes a line to the parent; anything else that prints goes to stderr."""
    out = os.dup(1)
    os.dup2(2, 1)

    def say(word: str) -> None:
        try:
            os.write(out, word.encode() + b"\n")
        except BrokenPipeError:
            os._exit(0)

    return say


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux; elsewhere the limits do)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _set_limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS
        resource.setrlimit(which, (soft, hard))


if __name__ == "__main__":
    main()
