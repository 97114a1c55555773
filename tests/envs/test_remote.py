"""An environment over HTTP: the same game as here, retries, dead servers, and a process of ours."""

import asyncio
import json

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import broken_games as games
from commands import environment
from guerdon.envs.calls import Calls
from guerdon.envs.check import check_env
from guerdon.envs.games.bandit import BanditTasks
from guerdon.envs.players import Played
from guerdon.envs.remote import RemoteEnv, RemoteTasks
from guerdon.envs.server_process import ServerProcess
from guerdon.envs.serving import build_app
from guerdon.envs.sessions import Sessions
from guerdon.envs.steps import StepEnv
from guerdon.errors import ConfigError, EnvError
from guerdon.llm.server import BackgroundServer
from guerdon.tasks import TaskSets
from guerdon.train.collect import collect
from guerdon.types import Model, Sampling

SETS = TaskSets(train=tuple(games.TASKS[1:]), held_out=tuple(games.TASKS[:1]))


def serve(game=None, tasks=SETS, **options) -> BackgroundServer:
    sessions = Sessions(game or games.Walk(), Calls(threads=4), **options)
    return BackgroundServer(build_app("walk", sessions, tasks), grace_s=0.0)


def rollouts(env: StepEnv, tasks=games.TASKS, group_size=2, player="random"):
    model = Model(None, Sampling(seed=3))  # type: ignore[arg-type]
    played = Played(env=env, player=player)
    return asyncio.run(collect(played, tasks, {"policy": model}, group_size=group_size))


def test_a_remote_game_is_played_like_the_same_game_here():
    with serve() as server:
        there = rollouts(StepEnv(game=RemoteEnv(url=server.url)))
    assert rollouts(StepEnv(game=games.Walk())) == there


def test_a_remote_game_keeps_every_promise_and_brings_its_tasks():
    with serve() as server:
        source = RemoteTasks(url=server.url)
        assert source.load() == SETS
        env = StepEnv(game=RemoteEnv(url=server.url), max_turns=6)
        found = check_env(env, source.load().train, num_tasks=1, oracle_solves=False)
    assert found == []


def test_health_says_what_there_is():
    with serve() as server:
        about = httpx2.get(f"{server.url}/health").json()
    assert about["status"] == "ok" and about["env"] == "walk" and about["protocol"] == 1
    assert about["actions"] == ["Left", "Right"] and about["sessions"] == 0


@pytest.mark.parametrize("fault", [games.Crashing(), games.Odd(reward=float("nan"))])
def test_a_fault_on_the_other_side_is_an_errored_episode_with_its_cause(fault):
    with serve(fault) as server:
        episodes = rollouts(StepEnv(game=RemoteEnv(url=server.url, retry_s=0.0)), games.TASKS[:1])
    says = "ZeroDivisionError: no floor" if isinstance(fault, games.Crashing) else "the reward nan"
    assert all(says in (episode.error or "") for episode in episodes)


def test_a_server_that_died_and_one_that_hangs_are_errored_episodes():
    with serve() as server:
        url = server.url
    dead = StepEnv(game=RemoteEnv(url=url, max_attempts=2, retry_s=0.0), action="reply")
    with pytest.raises(EnvError, match="no answer after 2 attempts, last: Connect"):
        asyncio.run(dead.game.reset(games.TASKS[0], 0))
    with serve(games.Hanging()) as server:
        slow = StepEnv(game=RemoteEnv(url=server.url, timeout_s=0.2, max_attempts=1))
        episodes = rollouts(slow, games.TASKS[:1])
    assert all("no answer after 1 attempts" in (episode.error or "") for episode in episodes)


def test_a_busy_server_is_asked_again():
    seen = []

    async def step(request):
        seen.append(json.loads(await request.body())["number"])
        if len(seen) < 3:
            return JSONResponse({}, 503)
        body = {"observation": "at 1", "reward": 0.0, "terminated": True, "truncated": False}
        return JSONResponse({**body, "info": {}, "actions": ["Left"]})

    app = Starlette(routes=[Route("/v1/step", step, methods=["POST"])])
    with BackgroundServer(app) as server:
        game = RemoteEnv(url=server.url, retry_s=0.0)
        assert asyncio.run(game.step("Left"))[:3] == ("at 1", 0.0, True)
    assert seen == [1, 1, 1]


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        ("reset", {"task": {}, "seed": 0}, 400, "bad_request"),
        ("reset", {"task": None, "seed": 0}, 400, "bad_request"),
        ("step", {"session": "x", "action": "Left"}, 400, "bad_request"),
        ("step", {"session": "x", "action": "Left", "number": True}, 400, "bad_request"),
        ("step", {"session": "x", "action": "Left", "number": 1}, 404, "no_session"),
        ("ask", {"session": 3, "what": "oracle"}, 400, "bad_request"),
        ("close", {"session": "x"}, 200, None),
        ("close", [], 400, "bad_request"),
    ],
)
def test_requests_that_make_no_sense_are_refused_by_kind(path, body, status, kind):
    with serve() as server:
        response = httpx2.post(f"{server.url}/{path}", json=body)
    assert response.status_code == status
    assert kind is None or response.json()["error"]["kind"] == kind


def test_only_json_is_accepted():
    with serve(tasks=None) as server:
        assert httpx2.post(f"{server.url}/close", content=b"{}").status_code == 415
        header = {"content-type": "application/json"}
        assert httpx2.post(f"{server.url}/close", content=b"{", headers=header).status_code == 400
        with pytest.raises(ConfigError, match="walk has no tasks of its own"):
            RemoteTasks(url=server.url).load()


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="give either url or serve"):
        RemoteEnv()
    with pytest.raises(ConfigError, match="must begin with http://"):
        RemoteEnv(url="localhost:8100")


def test_a_server_in_a_process_of_ours_plays_and_ends(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    env = StepEnv(game=RemoteEnv(serve="bandit"))
    episodes = rollouts(env, BanditTasks().load().train[:2], player="oracle")
    assert [episode.metrics.get("success") for episode in episodes] == [1.0] * 4
    process = ServerProcess.shared("bandit")
    assert process is ServerProcess.shared("bandit")
    process.stop()
    assert process._process.poll() is not None


def test_a_server_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    with pytest.raises(EnvError, match=r"did not start: .*no such environment; did you mean"):
        ServerProcess("bandits")
