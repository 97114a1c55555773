"""Run a web application in a thread of its own, from the first line of a test to the last of a
command."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

import uvicorn
from starlette.applications import Starlette

from guerdon.errors import ConfigError


class BackgroundServer:
    """Serves an application from a thread with its own event loop, until it is stopped.

        with BackgroundServer(app) as server:
            print(server.url)

    Args:
        app: what to serve.
        host: loopback unless told otherwise.
        port: 0: any free one; see ``url``.
        grace_s: how long answers under way may take once it is stopped.

    Raises:
        ConfigError: the address cannot be listened on.
    """

    def __init__(
        self, app: Starlette, host: str = "127.0.0.1", port: int = 0, grace_s: float = 10.0
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # named, or asyncio does not see that it is TCP and lets small writes wait for an answer
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise ConfigError(f"cannot serve at {host}:{port}: {error.strerror or error}") from None
        self._socket.listen(1024)  # so that whoever reads the address can connect at once
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=int(grace_s),
            )
        )
        self._thread = threading.Thread(target=self._run, name="guerdon-server", daemon=True)

    def start(self) -> BackgroundServer:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Let answers under way finish, then close. Harmless when it is stopped already."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def __enter__(self) -> BackgroundServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))
