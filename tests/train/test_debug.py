import socket
import sys

import pytest

from guerdon.errors import ConfigError
from guerdon.train.debug import wait_for_debugger


def test_without_debugpy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "debugpy", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"guerdon\[debug\]"):
        wait_for_debugger(5678)


def test_a_port_that_is_taken_is_named():
    pytest.importorskip("debugpy")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"debug_port {port} cannot be opened"):
            wait_for_debugger(port)
