"""Rewards that another program computes."""

import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from guerdon.errors import ConfigError, RewardError
from guerdon.llm.server import BackgroundServer
from guerdon.rewards.remote import Remote
from guerdon.types import Reward, Task

TASK = Task("t", ({"role": "user", "content": "2+3?"},), answer="5", info={"level": 1})


def ask(*answers: str | int, times: int = 1, **options) -> tuple[list[Reward], list[Request]]:
    """Rewards from a server that answers with texts or status codes, the last one for ever."""
    seen: list[Request] = []

    async def answer(request: Request) -> Response:
        await request.body()
        seen.append(request)
        found = answers[min(len(seen), len(answers)) - 1]
        return PlainTextResponse(found) if isinstance(found, str) else Response("no", found)

    app = Starlette(routes=[Route("/v1/score", answer, methods=["POST"])])

    async def run() -> list[Reward]:
        reward = Remote(url=f"{server.url}/score", **options)
        found = await asyncio.gather(*(reward(TASK, "it is 5", {}) for _ in range(times)))
        await reward.close()
        return found

    with BackgroundServer(app) as server:
        return asyncio.run(run()), seen


def test_the_server_gets_the_task_and_the_response() -> None:
    (found,), (request,) = ask('{"value": 0.5, "parts": {"a": 1}, "note": "half"}')
    assert found == Reward(0.5, {"a": 1.0}, "half")
    assert json.loads(asyncio.run(request.body())) == {
        "task": {
            "id": "t",
            "prompt": [{"role": "user", "content": "2+3?"}],
            "answer": "5",
            "domain": "default",
            "info": {"level": 1},
        },
        "response": "it is 5",
    }


def test_a_plain_number_or_a_score_will_do() -> None:
    assert ask("0.25")[0][0].value == 0.25
    assert ask('{"score": true}')[0][0].value == 1.0


@pytest.mark.parametrize("first", [503, "garbage{"])
def test_what_may_pass_is_tried_again(first: str | int) -> None:
    (found,), seen = ask(first, "1")
    assert (found.value, len(seen)) == (1.0, 2)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ((404,), r"reward at 127\.0\.0\.1: HTTP 404: no$"),
        ((500,), r"HTTP 500: no \(2 attempts\)"),
        (("{",), r"its answer is no JSON.*\(2 attempts\)"),
        (('"5"',), "holds no finite value"),
        (("NaN",), "holds no finite value"),
        (("{}",), "holds no finite value"),
        (('{"value": 1, "parts": {"a": "x"}}',), r"its parts \['a'\]"),
    ],
)
def test_everything_else_is_a_reward_error_never_a_number(answers, message: str) -> None:
    with pytest.raises(RewardError, match=message):
        ask(*answers, max_attempts=2)


def test_a_server_that_is_not_there_is_a_reward_error() -> None:
    reward = Remote(url="http://127.0.0.1:9/score", max_attempts=1)
    with pytest.raises(RewardError, match=r"reward at 127\.0\.0\.1: Connect"):
        asyncio.run(reward(TASK, "x", {}))


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORE_KEY", "secret")
    _, (request,) = ask("1", api_key_env="SCORE_KEY")
    assert request.headers["authorization"] == "Bearer secret"
    monkeypatch.delenv("SCORE_KEY")
    with pytest.raises(ConfigError, match="SCORE_KEY is not set"):
        Remote(url="http://h/score", api_key_env="SCORE_KEY")


def test_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Remote(url="h/score", timeout_s=0.0, max_attempts=0, max_concurrent=0)
    assert len(caught.value.problems) == 4
    assert "Remote: url: must be an http(s) address" in caught.value.problems[0]


def test_one_reward_serves_several_event_loops() -> None:
    app = Starlette(
        routes=[Route("/v1/score", lambda request: PlainTextResponse("1"), methods=["POST"])]
    )
    with BackgroundServer(app) as server:
        reward = Remote(url=f"{server.url}/score")
        for _ in range(2):
            assert asyncio.run(reward(TASK, "x", {})).value == 1
