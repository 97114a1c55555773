"""LoopbackEngine: a model that is a Python function, asked over HTTP like any other remote model.

It serves the function with the scripted server of `llm.testing` on loopback, from the first request
on. A demonstration or a rehearsal of an outage then takes the way that a real judge's words take:
client, cache, ledger, retries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guerdon.engines.remote import RemoteEngine
from guerdon.errors import ConfigError
from guerdon.llm.cache import Cache
from guerdon.llm.ledger import Ledger
from guerdon.llm.testing import Fault, Script, ScriptedServer, random_faults
from guerdon.types import Completion, Message, Sampling

MODEL = "scripted"


class LoopbackEngine:
    """A scripted model behind a server of this process.

    Args:
        script: what to answer to a request, as text.
        latency_s: how long each answer takes.
        outage: connections are dropped from so many seconds after the first request until so many.
        faults: shares of the requests that go wrong, by kind (`llm.testing.Fault`).
        seed: which requests these are.
        timeout_s, max_attempts, total_s, max_concurrent: of the client; see `RemoteEngine`.
        role, cache, ledger: given by the run.
    """

    template = None
    supports_schema = True

    def __init__(
        self,
        script: Script,
        *,
        latency_s: float = 0.0,
        outage: tuple[float, float] | None = None,
        faults: Mapping[Fault, float] | None = None,
        seed: int = 0,
        timeout_s: float = 60.0,
        max_attempts: int = 20,
        total_s: float = 300.0,
        max_concurrent: int = 64,
        role: str | None = None,
        cache: Cache | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        if outage is not None and not 0.0 <= outage[0] <= outage[1]:
            raise ConfigError(f"outage: {list(outage)} must be two times, the later one last")
        self._server_options: dict[str, Any] = {
            "latency_s": latency_s,
            "outage": outage,
            "faults": random_faults(faults, seed) if faults else None,
        }
        self._client_options: dict[str, Any] = {
            "timeout_s": timeout_s,
            "max_attempts": max_attempts,
            "total_s": total_s,
            "max_concurrent": max_concurrent,
            "role": role,
            "cache": cache,
            "ledger": ledger,
        }
        self.script = script
        self.server: ScriptedServer | None = None
        """Serving from the first request on."""
        self._remote: RemoteEngine | None = None

    @property
    def model(self) -> str:
        """Its name on the server."""
        return MODEL

    async def generate(
        self,
        prompt: tuple[int, ...] | tuple[Message, ...],
        sampling: Sampling,
        **options: Any,
    ) -> Completion:
        """Sample one completion; see `RemoteEngine.generate`.

        Raises:
            As there.
        """
        return await self._ready().generate(prompt, sampling, **options)

    async def close(self) -> None:
        """Stop serving and close the connections."""
        if self._remote is not None and self.server is not None:
            await self._remote.close()
            await self.server.__aexit__()
            self._remote = self.server = None

    def _ready(self) -> RemoteEngine:
        if self._remote is None:
            self.server = ScriptedServer(self.script, model=MODEL, **self._server_options)
            self.server.__enter__()
            self._remote = RemoteEngine(
                MODEL,
                base_url=self.server.url,
                price="free",
                supports_schema=True,
                **self._client_options,
            )
        return self._remote
