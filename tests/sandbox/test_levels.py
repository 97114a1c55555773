"""The levels that stand on something else: containers, and a SandboxFusion server.

Neither is here, so a stand-in does what each is documented to do with what it is given.
"""

import asyncio
import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from guerdon.errors import SandboxError
from guerdon.sandbox import Limits, Sandbox, Status
from guerdon.sandbox.launch import INSIDE

RUNTIME = """#!{python}
import os, sys
words = sys.argv[1:]
assert words[:3] == ["run", "--rm", "--interactive"] and "--read-only" in words
assert words[words.index("--network") + 1] == "none"
start = words.index("--entrypoint")
assert words[start + 2] == "some-image"
inside = words[words.index("--volume") + 1].split(":")[0]
os.makedirs({folder!r}, 0o700, exist_ok=True)
command = [word.replace("/inside/", inside + "/").replace('"/work"', '"{folder}"')
           for word in words[start + 3:]]
os.execv({python!r}, ["python3", *command])
"""


def test_a_container_is_spoken_to_like_the_others(tmp_path: Path) -> None:
    runtime = tmp_path / "podman"
    python = str(Path(sys.executable).resolve())
    runtime.write_text(RUNTIME.format(python=python, folder=str(tmp_path / "work")))
    runtime.chmod(0o755)
    sandbox = Sandbox(level="container", runtime=str(runtime), image="some-image", num_workers=1)
    try:
        assert asyncio.run(sandbox.call("def f(x): return (x,)", "f", [1])).value == (1,)
        assert asyncio.run(sandbox.run("print(input())", "x")).output == "x\n"
    finally:
        sandbox.close()


class Fusion(BaseHTTPRequestHandler):
    """Runs a request's code as the server does: its files, one interpreter, fetched files."""

    broken = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/run_code" and body["language"] == "python"
        folder = Path(self.server.folder)  # type: ignore[attr-defined]
        for name, content in body["files"].items():
            (folder / name).write_bytes(base64.b64decode(content))
        reply = (
            {"status": "SandboxError", "message": "no pod"}
            if self.broken
            else self.run(body, folder)
        )
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @staticmethod
    def run(body: dict, folder: Path) -> dict:
        for name in body["fetch_files"]:
            (folder / name).unlink(missing_ok=True)
        try:
            done = subprocess.run(
                [sys.executable, "-c", body["code"]],
                cwd=folder, capture_output=True, text=True, timeout=body["run_timeout"],
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {
                "status": "Failed",
                "message": "",
                "run_result": {"status": "TimeLimitExceeded"},
            }
        files = {
            name: base64.b64encode((folder / name).read_bytes()).decode()
            for name in body["fetch_files"]
            if (folder / name).exists()
        }
        ran = {"status": "Finished", "execution_time": 0.1, "return_code": done.returncode,
               "stdout": done.stdout, "stderr": done.stderr}  # fmt: skip
        return {"status": "Success", "message": "", "run_result": ran, "files": files}

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def fusion(tmp_path: Path) -> Iterator[Sandbox]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fusion)
    server.folder = tmp_path  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Sandbox(
        level="http", url=f"http://127.0.0.1:{server.server_port}/", num_workers=1,
        limits=Limits(wall_s=2.0),
    )  # fmt: skip
    server.shutdown()
    server.server_close()


def test_a_fusion_server_is_spoken_to_like_the_others(fusion: Sandbox) -> None:
    assert asyncio.run(fusion.call("def f(x): return {x}", "f", [1])).value == {1}
    assert asyncio.run(fusion.run("print(input())", "x")).output == "x\n"
    assert asyncio.run(fusion.run("1/0")).exception == "ZeroDivisionError"
    assert asyncio.run(fusion.run("import os\nos._exit(3)")).status is Status.killed
    assert asyncio.run(fusion.run("while True: pass")).status is Status.timeout


def test_a_fusion_server_that_fails_is_an_error(
    fusion: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fusion, "broken", True)
    with pytest.raises(SandboxError, match="no pod"):
        asyncio.run(fusion.run("print(1)"))


def test_a_server_that_is_away_is_an_error() -> None:
    with pytest.raises(SandboxError, match="127"):
        asyncio.run(Sandbox(level="http", url="http://127.0.0.1:9").run("print(1)"))


def test_what_is_mounted_inside_imports_nothing_of_guerdon() -> None:
    assert all(
        "guerdon" not in file.read_text().split('"""', 2)[2] for file in INSIDE.glob("[!_]*.py")
    )
