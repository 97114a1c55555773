from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from guerdon.errors import ConfigError
from guerdon.llm.server import BackgroundServer


async def hello(_: object) -> PlainTextResponse:
    return PlainTextResponse("hello")


@pytest.fixture
def server() -> Iterator[BackgroundServer]:
    with BackgroundServer(Starlette(routes=[Route("/v1/hello", hello)]), grace_s=0.0) as server:
        yield server


def test_it_answers_on_loopback_until_it_is_stopped(server):
    assert httpx2.get(f"{server.url}/hello").text == "hello"
    assert server.url == f"http://127.0.0.1:{server.port}/v1"
    server.stop()
    assert not server.is_running
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{server.url}/hello")


def test_no_part_of_an_answer_waits_until_the_part_before_it_is_acknowledged(server):
    # head and body are written apart: with Nagle's algorithm the body would come 40 ms later
    with httpx2.Client() as client:
        client.get(f"{server.url}/hello")
        (connection,) = server._server.server_state.connections
        ours = connection.transport.get_extra_info("socket")
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_port_that_is_taken_is_named(server):
    with pytest.raises(ConfigError, match=f"cannot serve at 127.0.0.1:{server.port}"):
        BackgroundServer(Starlette(), port=server.port)
