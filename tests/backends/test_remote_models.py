"""Models that are called over HTTP, from the YAML to the run's ledger."""

import asyncio

from guerdon.backends.local import load_engine, open_llm
from guerdon.config.build import parse
from guerdon.config.check import check
from guerdon.config.schema import Config
from guerdon.llm.testing import ScriptedServer
from guerdon.tiny import TinyPolicy
from guerdon.types import Sampling


def values(folder, **engine):
    """A whole configuration with a judge that is called."""
    TinyPolicy(hidden=8, num_layers=1, num_heads=1, num_kv_heads=1, mlp=8).save(folder / "model")
    (folder / "tasks.jsonl").write_text('{"question": "1+1", "answer": "2"}\n' * 3)
    remote = {"_target_": "guerdon.engines.remote.RemoteEngine", "model": "scripted", **engine}
    return {
        "run": {"name": "x", "dir": str(folder)},
        "trainer": {"steps": 1, "tasks_per_step": 1, "group_size": 2},
        "models": {"policy": {"path": str(folder / "model")}, "judge": {"engine": remote}},
        "algorithm": {"_target_": "guerdon.algorithms.grpo.GRPO"},
        "env": {"_target_": "config_parts.OneTurn", "reward": {"_target_": "config_parts.Exact"}},
        "tasks": {"_target_": "config_parts.Rows", "path": str(folder / "tasks.jsonl")},
    }


def test_a_judge_needs_no_path(tmp_path):
    found = check(values(tmp_path, base_url="http://127.0.0.1:1/v1", price="free"))
    assert found.problems == []


def test_check_names_key_price_and_misspelling_with_their_paths(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    given = values(tmp_path, api_key_env="NO_KEY") | {"llm": {"budget_usd": -1.0}}
    text = "\n".join(check(given).problems)
    assert "models.judge.engine: api_key_env: the environment variable NO_KEY is not set" in text
    assert "models.judge.engine: price: none known for model 'scripted'" in text
    assert "llm.budget_usd: must be at least 0" in text
    (line,) = check(values(tmp_path, prise="free", base_url="http://h/v1")).problems
    assert "models.judge.engine.prise" in line
    assert "'price'" in line


def test_the_runs_cache_and_ledger_reach_the_engine(tmp_path):
    with ScriptedServer(lambda ask: "7") as server:
        config = parse(values(tmp_path, base_url=server.url, price="free"), Config)
        shared = open_llm(config, tmp_path / "run")
        judge = load_engine("judge", config.models["judge"], **shared)

        async def run():
            for _ in range(2):
                await judge.generate(({"role": "user", "content": "hi"},), Sampling())
            await judge.close()

        asyncio.run(run())
    found = shared["ledger"].drain()
    assert (found["llm/judge/calls"], found["llm/judge/cached"]) == (1.0, 1.0)
    assert (tmp_path / "run" / "llm.sqlite").is_file()


def test_a_run_without_remote_models_has_no_such_file(tmp_path):
    given = values(tmp_path)
    del given["models"]["judge"]
    assert open_llm(parse(given, Config), tmp_path / "run") == {}
