"""VllmServer: one `vllm serve` on loopback, from its start to its end.

Flags, environment and answers are those of vLLM 0.33, as its sources have them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2

from guerdon.engines.child import Child
from guerdon.errors import EngineError, TransportError

log = logging.getLogger("guerdon")

_TELL_EVERY_S = 15.0


def arguments(flags: Mapping[str, Any]) -> list[str]:
    """Flags as vLLM's parser reads them: switches, JSON for mappings, words for lists."""
    found: list[str] = []
    for name, value in flags.items():
        dashed = name.replace("_", "-")
        if value is True or value is False:
            found.append(f"--{dashed}" if value else f"--no-{dashed}")
        elif isinstance(value, list):
            found += [f"--{dashed}", *map(str, value)]
        elif value is not None:
            found += [f"--{dashed}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return found


class VllmServer:
    """A server that loads, serves and ends; with a key of its own, which is in no argument.

    Args:
        command: ``vllm serve MODEL`` with all flags but those of the address.
        model: its name on the server.
        env: variables beside those of this process.
        log: the file for what it writes.
        name: what people know it by.
    """

    def __init__(
        self, command: Sequence[str], model: str, env: Mapping[str, str], log: Path, name: str
    ) -> None:
        self.model, self.name, self.key = model, name, secrets.token_urlsafe(32)
        self.max_model_len: int | None = None
        """Tokens of prompt and reply together, once it serves."""
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}/v1"
        address = {"served_model_name": model, "host": "127.0.0.1", "port": port}
        self.child = Child(
            [*command, *arguments(address)],
            env={**os.environ, **env, "VLLM_API_KEY": self.key},
            log=log,
        )

    async def loaded(self, start_s: float) -> None:
        """Wait until it serves the model to who has our key, and tell meanwhile.

        ``/health`` asks for no key, so another that took the port first could answer there.

        Raises:
            EngineError: it ended, or did not get there in ``start_s``.
        """
        began = told = time.monotonic()
        self._tell(f"starts with {self.model!r} and writes to {self.child.log}")
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx2.AsyncClient(trust_env=False, headers=headers, timeout=10) as client:
            while True:
                cards = await _cards(client, f"{self.url}/models")
                waited = time.monotonic() - began
                if self.child.exit_code is not None:
                    raise EngineError(f"{self.name} did not start: {self._death()}")
                if self.model in cards:
                    self.max_model_len = cards[self.model]
                    self._tell(f"serves {self.model!r} after {waited:.0f} s")
                    return
                if waited > start_s:
                    raise EngineError(
                        f"{self.name} did not serve {self.model!r} within start_s={start_s:g} s; "
                        f"{self.child.last_words()}"
                    )
                if time.monotonic() - told > _TELL_EVERY_S:
                    told = time.monotonic()
                    self._tell(f"loads, {waited:.0f} s: {self.child.last_line()[:160]}")
                await asyncio.sleep(min(1.0, 0.05 + waited / 10))

    def check(self) -> None:
        """Whether it still runs.

        Raises:
            TransportError: it does not.
        """
        if self.child.exit_code is not None:
            raise TransportError(f"{self.name} is gone: {self._death()}")

    async def stop(self) -> None:
        """End it, and wait until it is gone."""
        await asyncio.to_thread(self.child.stop)

    def _death(self) -> str:
        return f"vllm ended with exit code {self.child.exit_code}; {self.child.last_words()}"

    def _tell(self, text: str) -> None:
        log.info("%s %s", self.name, text)
        print(self.name, text, file=sys.stderr, flush=True)


async def _cards(client: httpx2.AsyncClient, url: str) -> dict[str, int | None]:
    """The models a server has, with their context lengths; {} if it does not serve us yet."""
    try:
        response = await client.get(url)
        if response.status_code != 200:
            return {}
        return {card["id"]: card.get("max_model_len") for card in response.json()["data"]}
    except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
