"""What refusals mean, as vLLM 0.33 words them; and what a call that broke off may have cost."""

import asyncio
import socket

import pytest
from starlette.responses import JSONResponse

from guerdon.llm.endpoint import Address, Endpoint
from guerdon.llm.limits import Breaker
from guerdon.llm.reply import CallFailed
from guerdon.llm.server import BackgroundServer
from guerdon.llm.wire import build_app

TOO_LONG = [
    "This model's maximum context length is 4096 tokens. However, your prompt contains at least "
    "4097 input tokens, which exceeds this limit even without any output tokens. Please reduce "
    "the length of the input prompt. (parameter=input_tokens, value=4097)",
    "This model's maximum context length is 4096 tokens. However, your prompt contains 99999 "
    "characters (more than 49152 characters, which is the upper bound for 4096 input tokens). "
    "Please reduce the length of the input prompt. (parameter=input_text, value=99999)",
    "Input length (4097) exceeds model's maximum context length (4096).",
    "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
]
"""`renderers/params.py`, `entrypoints/serve/utils/api_utils.py`, `sampling_params.py`; the last is
for a prompt that fills the context to the last token."""
ASKED_TOO_MUCH = (
    "max_tokens=9999 cannot be greater than max_model_len=4096. Please request fewer output "
    "tokens. (parameter=max_tokens, value=9999)"
)


def refused(message):
    """As `create_error_response` of `entrypoints/serve/exception_handling` makes it; the code is a
    number."""
    error = {"message": message, "type": "BadRequestError", "param": "input_tokens", "code": 400}
    return JSONResponse({"error": error}, 400)


def answered_by(response):
    """What becomes of a call that is answered so."""

    async def work():
        async def answer(ask):
            return response

        with BackgroundServer(build_app(answer, "m")) as server:
            endpoint = Endpoint(Address(base_url=server.url), 5.0, Breaker())
            try:
                return await endpoint.send("completion", {"model": "m", "prompt": "hi"})
            finally:
                await endpoint.close()

    return asyncio.run(work())


@pytest.mark.parametrize("message", TOO_LONG)
def test_a_prompt_beyond_vllms_context_is_a_truncated_answer(message):
    reply = answered_by(refused(message))
    assert (reply.outcome, reply.text) == ("truncated", "")


def test_other_refusals_of_vllm_are_errors_in_its_words():
    with pytest.raises(CallFailed, match=r"HTTP 400: .*max_tokens=9999 cannot be greater"):
        answered_by(refused(ASKED_TOO_MUCH))
    with pytest.raises(CallFailed, match="HTTP 401"):
        answered_by(JSONResponse({"error": "Unauthorized"}, 401))


def failure_at(port, timeout_s=5.0):
    """Why a call to whatever is at this port fails."""

    async def work():
        endpoint = Endpoint(Address(base_url=f"http://127.0.0.1:{port}/v1"), timeout_s, Breaker())
        try:
            with pytest.raises(CallFailed) as failure:
                await endpoint.send("completion", {"model": "m", "prompt": "hi"})
            return failure.value
        finally:
            await endpoint.close()

    return asyncio.run(work())


def test_a_server_that_lets_nobody_in_is_not_paid():
    """Its queue is full, so that connecting takes longer than anybody waits."""
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        failure = failure_at(full.getsockname()[1], timeout_s=0.4)
    assert (failure.retryable, failure.may_be_billed) == (True, False)


@pytest.mark.parametrize("words", [b"", b"I do not speak HTTP.\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_a_server_that_breaks_off_or_speaks_something_else_may_have_to_be_paid(words):
    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        writer.close()

    async def work():
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        async with server:
            return await asyncio.to_thread(failure_at, server.sockets[0].getsockname()[1])

    failure = asyncio.run(work())
    assert (failure.retryable, failure.may_be_billed) == (True, True)
