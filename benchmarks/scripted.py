"""A `ScriptedServer` in a process of its own, so that it does not compete with what is timed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from guerdon.llm.asks import Ask
from guerdon.llm.testing import ScriptedServer


@contextmanager
def elsewhere(answer: Callable[[Ask], str], latency_s: float) -> Iterator[str]:
    """The URL of a server that gives ``answer``, a function of a module, after ``latency_s``."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, answer, latency_s)
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def _serve(pipe: Connection, answer: Callable[[Ask], str], latency_s: float) -> None:
    with ScriptedServer(answer, latency_s=latency_s, remember=False) as server:
        pipe.send(server.url)
        pipe.recv()
