"""Level http: programs run on a SandboxFusion server.

Its own status says whether a program finished; the program's claim comes back as a file, as in the
other levels. What the server holds is the server's affair, and cannot be checked from here.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from typing import Any

from guerdon.errors import SandboxError
from guerdon.sandbox.launch import INSIDE, Plan
from guerdon.sandbox.results import Report
from guerdon.sandbox.room import GRACE_S

_CLAIM = "claim.json"
_MAIN = """\
import json, os, sys
sys.path.insert(0, os.getcwd())
import program
with open("job.json") as file:
    job = json.load(file)
os.remove("job.json")
claim = program.play(job["job"], job["allowed"])
for stream in (sys.stdout, sys.stderr):
    stream.flush()
with open("claim.json", "wb") as file:
    file.write(claim)
os._exit(0)
"""


class FusionRoom:
    """One conversation with a SandboxFusion server: its ``/run_code``."""

    def __init__(self, url: str, plan: Plan) -> None:
        self._url = url.rstrip("/") + "/run_code"
        self._plan = plan
        self._files = {
            name: _packed((INSIDE / name).read_bytes()) for name in ("program.py", "values.py")
        }

    def ask(self, job: bytes) -> Report:
        """Run one job.

        Raises:
            SandboxError: the server cannot be reached, or failed by its own account.
        """
        started = time.monotonic()
        reply = self._post(self._request(job))
        ran = reply.get("run_result")
        if reply.get("status") == "SandboxError" or not isinstance(ran, dict):
            raise SandboxError(f"{self._url}: {str(reply.get('message'))[:300]}")
        claim = base64.b64decode((reply.get("files") or {}).get(_CLAIM) or "")
        bodies = [claim, *((ran.get(name) or "").encode() for name in ("stdout", "stderr"))]
        is_late = ran.get("status") == "TimeLimitExceeded"
        too_large = any(len(body) > self._plan.limits.output_kb << 10 for body in bodies)
        code = ran.get("return_code") or 0
        header = {
            "reason": "timeout" if is_late else "too_large" if too_large else None,
            "exit": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "wall_s": ran.get("execution_time") or time.monotonic() - started,
            "cpu_s": 0.0,
            "memory_kb": 0,
        }
        return Report(header, *bodies)

    def close(self) -> None:
        """Nothing is held."""

    def _request(self, job: bytes) -> dict[str, Any]:
        plan = self._plan
        allowed = plan.imports if plan.only_imports else None
        packed = json.dumps({"job": json.loads(job), "allowed": allowed}).encode()
        return {
            "code": _MAIN,
            "language": "python",
            "run_timeout": plan.limits.wall_s,
            "memory_limit_MB": plan.limits.memory_mb,
            "files": self._files | {"job.json": _packed(packed)},
            "fetch_files": [_CLAIM],
        }

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self._url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._plan.limits.wall_s + GRACE_S) as got:
                reply = json.load(got)
        except (OSError, ValueError) as error:
            raise SandboxError(f"{self._url}: {error}") from error
        if not isinstance(reply, dict):
            raise SandboxError(f"{self._url}: the reply is not an object")
        return reply


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()
