"""A hub of our own on loopback: the part of the Hugging Face hub's protocol that readers use.

Information, listings and files of models and data sets, with the headers and the error codes that
the official clients look at. Large formats are answered as the hub answers them: by a redirect to
where their content lies under its SHA-256.
"""

import hashlib
import json
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from commands import environment

COMMIT = "a" * 40
LARGE = (".parquet", ".safetensors", ".bin")
"""What the hub keeps outside git."""

_API = re.compile(r"/api/(models|datasets)/([^/]+(?:/[^/]+)?)(?:/(revision|tree|paths-info)/(.*))?")
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """The files of a repository by path, at ``main`` or another revision."""

    files: dict[str, bytes]
    gated: bool = False
    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Further ones: a name such as refs/convert/parquet -> files."""

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Commit and files of a revision; None without one."""
        if revision in ("main", COMMIT):
            return COMMIT, self.files
        for name, files in self.revisions.items():
            commit = hashlib.sha1(name.encode()).hexdigest()
            if revision in (name, commit):
                return commit, files
        return None


class Hub(ThreadingHTTPServer):
    """Serves repositories, ``models/owner/name`` and ``datasets/owner/name``, and keeps a record.

    Attributes:
        asked: every request, "METHOD path".
        sent: every file whose content was asked for, "owner/name/path", with its Range if it had
            one.
        cut: paths of files whose next answer breaks off in the middle, once each.
        hold: a path whose answers stop in the middle until ``go_on`` is set; ``held`` is set then.
    """

    daemon_threads = True

    def __init__(self, repositories: dict[str, Repository]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories = repositories
        self.asked: list[str] = []
        self.sent: list[str] = []
        self.cut: set[str] = set()
        self.hold = ""
        self.held, self.go_on = threading.Event(), threading.Event()

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(repositories: dict[str, Repository]):
    """A hub that runs as long as the block."""
    hub = Hub(repositories)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.go_on.set()
        hub.shutdown()
        hub.server_close()


def started(url: str, home: Path, *words: object) -> subprocess.Popen:
    """Python with these arguments, for which the hub is at ``url`` and its cache in ``home``."""
    env = {name: value for name, value in environment().items()
           if not name.lower().endswith("_proxy")}  # fmt: skip
    env |= {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": url, "HF_HOME": str(home / "hf"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1"}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def guerdon(url: str, home: Path, *arguments: object) -> tuple[int, str]:
    """Run a command in ``home``; its exit code and what it said."""
    process = started(url, home, "-m", "guerdon", *arguments)
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


class _Answers(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nothing."""

    def do_HEAD(self):
        self.route(b"")

    def do_GET(self):
        self.route(b"")

    def do_POST(self):
        self.route(self.rfile.read(int(self.headers["Content-Length"])))

    def route(self, form: bytes) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        path = urlsplit(self.path).path
        if path.startswith("/cdn/"):
            self.content(*path.removeprefix("/cdn/").split("/", 3))
        elif found := _API.fullmatch(path):
            kind, name, what, rest = found.groups()
            self.about(f"{kind}/{name}", what or "revision", rest or "main", form)
        elif found := _FILE.fullmatch(path):
            kind, name, revision, file = found.groups()
            self.resolve(
                f"{'datasets' if kind else 'models'}/{name}", unquote(revision), unquote(file)
            )
        else:
            self.refuse(404, "")

    def about(self, key: str, what: str, rest: str, form: bytes) -> None:
        """Information on a repository, a folder's listing, or some of its paths."""
        repository = self.server.repositories.get(key)
        if repository is None:
            return self.refuse(401, "RepoNotFound")
        revision, _, folder = rest.partition("/")
        at = repository.at(unquote(revision))
        if at is None:
            return self.refuse(404, "RevisionNotFound")
        commit, files = at
        if what == "revision":
            names = [{"rfilename": name} for name in files]
            gated = "manual" if repository.gated else False
            return self.reply({"id": key.partition("/")[2], "sha": commit, "siblings": names,
                               "gated": gated, "private": False, "tags": []})  # fmt: skip
        if repository.gated:
            return self.refuse(403, "GatedRepo")
        if what == "paths-info":
            wanted = set(parse_qs(form.decode())["paths"])
            return self.reply([one for one in _entries(files) if one["path"] in wanted])
        every = "recursive=true" in self.path.lower()
        folder = f"{unquote(folder)}/" if folder else ""
        found = [one for one in _entries(files) if one["path"].startswith(folder)]
        if not found:
            return self.refuse(404, "EntryNotFound")
        if not every:
            found = [one for one in found if "/" not in one["path"].removeprefix(folder)]
        return self.reply(found)

    def resolve(self, key: str, revision: str, path: str) -> None:
        """A file, or where it is: on another host, as the hub's contents are."""
        repository = self.server.repositories.get(key)
        if repository is None:
            return self.refuse(401, "RepoNotFound")
        at = repository.at(revision)
        if at is None:
            return self.refuse(404, "RevisionNotFound")
        commit, files = at
        if repository.gated:
            return self.refuse(403, "GatedRepo")
        if path not in files:
            return self.refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
        body = files[path]
        if not path.endswith(LARGE):
            about = {"X-Repo-Commit": commit, "ETag": f'"{_blob(body)}"'}
            return self.file(key, path, body, about)
        sha = hashlib.sha256(body).hexdigest()
        return self.reply(None, 302, {
            "X-Repo-Commit": commit, "X-Linked-Size": str(len(body)), "X-Linked-ETag": f'"{sha}"',
            "Location": f"http://localhost:{self.server.server_port}/cdn/{sha}/{key}/{path}",
        })  # fmt: skip

    def content(self, sha: str, kind: str, owner: str, rest: str) -> None:
        """What lies behind a redirect."""
        name, _, path = rest.partition("/")
        key = f"{kind}/{owner}/{name}"
        repository = self.server.repositories[key]
        held = [repository.files, *repository.revisions.values()]
        bodies = [files[path] for files in held if path in files]
        [body] = [one for one in bodies if hashlib.sha256(one).hexdigest() == sha]
        self.file(key, path, body, {"ETag": f'"{sha}"'})

    def file(self, key: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        """The bytes asked for."""
        asked = self.headers.get("Range")
        start, end = 0, len(body)
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), int(last) + 1 if last else len(body)
            headers |= {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}
        body = body[start:end]
        self.send_response(206 if asked else 200)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        name = f"{key.partition('/')[2]}/{path}"
        self.server.sent.append(f"{name} {asked}" if asked else name)
        half = len(body) // 2
        if name in self.server.cut:
            self.server.cut.discard(name)
            self.wfile.write(body[:half])
            self.close_connection = True
        elif name == self.server.hold:
            self.wfile.write(body[:half])
            self.server.held.set()
            self.server.go_on.wait(60)
            self.close_connection = True
        else:
            self.wfile.write(body)

    def refuse(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        """An error, with the hub's name for it."""
        self.reply({"error": code}, status, {"X-Error-Code": code, **(headers or {})})

    def reply(self, value, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """A small answer in JSON."""
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _entries(files: dict[str, bytes]) -> list[dict]:
    """Every file and folder, as listings have them."""
    folders = {"/".join(path.split("/")[:depth]) for path in files
               for depth in range(1, path.count("/") + 1)}  # fmt: skip
    found = [{"type": "directory", "path": path, "size": 0, "oid": _blob(path.encode())}
             for path in sorted(folders)]  # fmt: skip
    for path, body in files.items():
        one = {"type": "file", "path": path, "size": len(body), "oid": _blob(body)}
        if path.endswith(LARGE):
            sha = hashlib.sha256(body).hexdigest()
            one["lfs"] = {"oid": sha, "size": len(body), "pointerSize": 134}
        found.append(one)
    return found


def _blob(body: bytes) -> str:
    """Git's name for the content."""
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
