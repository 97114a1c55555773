"""The web application behind `guerdon env serve`: sessions of a game over HTTP and JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from guerdon.envs.sessions import NoSession, OutOfOrder, Sessions
from guerdon.errors import EnvError
from guerdon.runs.schema import task_from_json, task_to_json
from guerdon.tasks import TaskSets
from guerdon.types import Task

PROTOCOL = 1
"""Version of the protocol, in every answer to ``/v1/health``."""

_Action = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class BadRequest(ValueError):
    """The body of a request is not what it should be."""


def build_app(name: str, sessions: Sessions, tasks: TaskSets | None = None) -> Starlette:
    """The application for one environment.

    Args:
        name: the environment's.
        sessions: play its game.
        tasks: what clients may ask for; None: they have their own.
    """

    async def reset(body: dict[str, Any]) -> dict[str, Any]:
        task, seed = _task(body.get("task")), _whole(body, "seed")
        return await sessions.reset(_text(body, "session", default=""), task, seed)

    async def step(body: dict[str, Any]) -> dict[str, Any]:
        session, action = _text(body, "session"), _text(body, "action")
        return await sessions.step(session, action, _whole(body, "number"))

    async def ask(body: dict[str, Any]) -> dict[str, Any]:
        session, what = _text(body, "session"), _text(body, "what")
        return {"action": await sessions.ask(session, what, _whole(body, "seed", default=0))}

    async def snapshot(body: dict[str, Any]) -> dict[str, Any]:
        return {"session": await sessions.snapshot(_text(body, "session"))}

    async def close(body: dict[str, Any]) -> dict[str, Any]:
        await sessions.close(_text(body, "session"))
        return {}

    async def health(_: Request) -> JSONResponse:
        await sessions.sweep()
        about = {"status": "ok", "protocol": PROTOCOL, "env": name}
        return JSONResponse(about | sessions.describe())

    async def held_tasks(_: Request) -> JSONResponse:
        if tasks is None:
            return _error(404, "no_tasks", f"{name} has no tasks of its own")
        sets = {"train": tasks.train, "held_out": tasks.held_out}
        return JSONResponse(
            {key: [task_to_json(task) for task in some] for key, some in sets.items()}
        )

    posts = {"reset": reset, "step": step, "ask": ask, "snapshot": snapshot, "close": close}
    routes = [Route(f"/v1/{path}", _post(act), methods=["POST"]) for path, act in posts.items()]
    routes += [Route("/v1/health", health), Route("/v1/tasks", held_tasks)]
    return Starlette(routes=routes)


def _post(act: _Action) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        # a page in a browser on this machine cannot send this type without asking first
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _error(415, "bad_request", "the body must be application/json")
        try:
            body = json.loads(await request.body())
            if not isinstance(body, dict):
                raise BadRequest("the body is not a JSON object")
            return JSONResponse(await act(body))
        except BadRequest as error:
            return _error(400, "bad_request", str(error))
        except ValueError as error:
            return _error(400, "bad_request", f"the body is not JSON: {error}")
        except NoSession as error:
            return _error(404, "no_session", str(error))
        except OutOfOrder as error:
            return _error(409, "out_of_order", str(error))
        except EnvError as error:
            return _error(500, "env_error", str(error))

    return endpoint


def _error(status: int, kind: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"kind": kind, "message": message}}, status)


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be text")
    return value


def _whole(body: dict[str, Any], name: str, default: int | None = None) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f"{name} must be a whole number")
    return value


def _task(record: Any) -> Task:
    try:
        return task_from_json(record)
    except (TypeError, KeyError) as error:
        raise BadRequest(f"task must have id, prompt, answer, domain and info ({error})") from None
