"""`guerdon download` against a hub of our own, on loopback."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from commands import environment
from guerdon.cli import main
from guerdon.tiny import TinyPolicy

COMMIT = "a" * 40


class Hub(ThreadingHTTPServer):
    """Serves one repository, ``team/policy``, by the part of the hub's protocol that reads."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Pages)
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.sent = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Pages(BaseHTTPRequestHandler):
    """Answers one request."""

    def log_message(self, *_):
        """Nothing."""

    def do_HEAD(self):
        self.reply(with_body=False)

    def do_GET(self):
        self.reply(with_body=True)

    def reply(self, *, with_body):
        path = self.path.split("?")[0]
        status, body = 404, b"{}"
        if path.startswith("/api/models/team/policy/tree"):
            found = [
                {"type": "file", "path": name, "size": len(held), "oid": COMMIT}
                for name, held in self.server.files.items()
            ]
            status, body = 200, json.dumps(found).encode()
        elif path.startswith("/api/models/team/policy/revision"):
            names = [{"rfilename": name} for name in self.server.files]
            status = 200
            body = json.dumps({"id": "team/policy", "sha": COMMIT, "siblings": names}).encode()
        elif path.startswith("/team/policy/resolve/"):
            name = path.rpartition("/")[2]
            if name in self.server.files:
                status, body = 200, self.server.files[name]
                if with_body:
                    self.server.sent.append(name)
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "policy"
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    server = Hub(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def guerdon(hub, *arguments, cwd):
    """Run a command against the hub; (exit code, what it printed)."""
    env = environment() | {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_HOME": str(cwd)}
    env = {name: value for name, value in env.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-m", "guerdon", "download", *arguments],
        cwd=cwd, env=env | {"NO_PROXY": "127.0.0.1"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_model_arrives_whole_without_pickles_and_is_not_fetched_twice(hub, tmp_path):
    code, said = guerdon(hub, "team/policy", cwd=tmp_path)
    assert (code, "models/policy" in said) == (0, True), said
    folder = tmp_path / "models" / "policy"
    there = {path.name for path in folder.iterdir() if path.is_file()}
    assert there == set(hub.files) - {"pytorch_model.bin"}
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    (folder / "model.safetensors").unlink()
    hub.sent.clear()
    assert guerdon(hub, "team/policy", cwd=tmp_path)[0] == 0
    assert hub.sent == ["model.safetensors"]  # the rest was there


def test_a_name_the_hub_has_not_is_told_with_what_else_it_may_be(hub, tmp_path):
    code, said = guerdon(hub, "team/none", cwd=tmp_path)
    assert code == 2
    assert "the hub has no such model" in said and "--dataset" in said


def test_without_the_hub_it_says_how_to_go_on(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "guerdon", "download", "team/policy", "--out", "here"],
        cwd=tmp_path, env={**os.environ, **environment(), "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr and "copy the files to here" in done.stderr


def test_a_path_is_no_name_of_the_hub(capsys):
    assert main(["download", "./models/policy"]) == 2
    assert "owner/name" in capsys.readouterr().err
