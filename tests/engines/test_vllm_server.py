"""`vllm serve`, played by a double that takes vLLM's flags and no others."""

import asyncio
import os
import time
from pathlib import Path

import pytest

import vllm_double
from guerdon.engines.vllm_server import VllmServer, arguments
from guerdon.errors import EngineError, TransportError


def serve(tmp_path, fate, *flags, name="tiny"):
    command = [vllm_double.install(tmp_path), "serve", "some/dir", *flags]
    return VllmServer(command, name, {"VLLM_DOUBLE": fate}, tmp_path / "log", "vLLM for judge")


def wait(server, start_s=30.0):
    async def work():
        try:
            await server.loaded(start_s)
        finally:
            await server.stop()

    asyncio.run(work())


def test_flags_become_switches_json_and_words():
    flags = {"a_b": True, "c": False, "d": None, "e": 0.5, "f": ["x", 1], "g": {"h": [1]}}
    assert arguments(flags) == [
        "--a-b", "--no-c", "--e", "0.5", "--f", "x", "1", "--g", '{"h": [1]}',
    ]  # fmt: skip


def test_it_is_ready_when_it_serves_the_model_and_says_so(tmp_path, capfd):
    server = serve(tmp_path, "echo", "--max-model-len", "64")
    wait(server)
    assert server.max_model_len == 64
    first, last = capfd.readouterr().err.splitlines()
    assert first == f"vLLM for judge starts with 'tiny' and writes to {tmp_path / 'log'}"
    assert last.startswith("vLLM for judge serves 'tiny' after ")
    with pytest.raises(TransportError, match="vLLM for judge is gone: vllm ended"):
        server.check()


def test_its_key_is_in_its_environment_and_in_no_argument(tmp_path):
    server = serve(tmp_path, "silent")
    try:
        while not server.child.last_line():
            time.sleep(0.01)
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_text().split("\0")
                found |= {process: words} if "some/dir" in words else {}
            except OSError:  # it ended, or is not ours
                continue
        assert len(found) == 2  # the keeper, and vllm
        for process, words in found.items():
            assert not any(server.key in word for word in words)
            assert f"VLLM_API_KEY={server.key}" in (process / "environ").read_text()
    finally:
        server.child.stop()
    assert server.key not in os.environ.values()


def test_a_crash_while_it_loads_is_told_with_its_last_lines(tmp_path):
    with pytest.raises(EngineError) as error:
        wait(serve(tmp_path, "crash"))
    text = str(error.value)
    assert "vLLM for judge did not start: vllm ended with exit code 3" in text
    assert text.endswith("loading the weights\ntorch.OutOfMemoryError: CUDA out of memory")


def test_a_flag_that_vllm_does_not_know_is_told_in_its_words(tmp_path):
    with pytest.raises(EngineError, match=r"exit code 2(.|\n)*unrecognized arguments: --fast"):
        wait(serve(tmp_path, "echo", "--fast"))


def test_one_that_never_serves_is_given_up_and_stopped(tmp_path):
    server = serve(tmp_path, "silent")
    with pytest.raises(EngineError, match=r"within start_s=0.5 s; the last lines of .*log:"):
        wait(server, start_s=0.5)
    assert server.child.exit_code is not None
