"""A trace holds all that happened: read back it is equal, and run again it gives the same."""

import asyncio
import json

import pytest

from guerdon.errors import ConfigError, EngineError
from guerdon.workflow import Inputs, Limits, Task, check, load_run, run, shipped_catalog
from guerdon.workflow.replay import differences, replay
from workflow_parts import Priced, executor, flaky, noisy

CATALOG = shipped_catalog()
TEXT = "CustomCodeGenerate*3 -> MdEnsemble -> Test -> Review ? Revise : done"


def record(seed, **options):
    task = Task("code", has_tests=True, limits=Limits(max_calls=99))
    program = check(TEXT, CATALOG, task).program
    models, _ = executor(noisy(seed), seed=3)
    inputs = Inputs("p {x}\u2028", "f", ("assert candidate(1)", "assert candidate(2)"))
    limits = Limits(max_calls=99)
    options = {"limits": limits, **options}
    return asyncio.run(run(program, CATALOG, inputs, models, sandbox=flaky(seed), **options))


@pytest.mark.parametrize("seed", range(6))
def test_a_replay_from_the_file_is_the_same_without_server_and_sandbox(seed, tmp_path):
    done = record(seed, meter=Priced())
    (tmp_path / "trace.json").write_text(done.dump(), encoding="utf-8")
    recorded = load_run(tmp_path / "trace.json")
    assert recorded == done
    again = asyncio.run(replay(recorded, CATALOG))
    assert differences(recorded, again) == []
    assert again.usd == done.usd == pytest.approx(0.001 * len(done.calls))


def test_failed_runs_and_those_over_budget_replay_too():
    statuses = set()
    for seed in range(8):
        done = record(seed, limits=Limits(max_calls=6 + seed % 2))
        statuses.add(done.status)
        assert differences(done, asyncio.run(replay(done, CATALOG))) == []
    assert "over_budget" in statuses


def test_a_changed_trace_is_noticed(tmp_path):
    kept = json.loads(record(1).dump())
    kept["answer"] = "forged"
    (tmp_path / "trace.json").write_text(json.dumps(kept))
    recorded = load_run(tmp_path / "trace.json")
    (line, *_) = differences(recorded, asyncio.run(replay(recorded, CATALOG)))
    assert line.startswith("answer: 'forged' was recorded, now ")
    kept["nodes"][0]["calls"][0]["messages"][0]["content"] = "another question"
    (tmp_path / "trace.json").write_text(json.dumps(kept))
    with pytest.raises(EngineError, match="the trace has no such question to 'executor'"):
        asyncio.run(replay(load_run(tmp_path / "trace.json"), CATALOG))


def test_what_is_no_trace_is_refused(tmp_path):
    for text in ("", "[]", "{}", '{"format": "other"}', '{"format": "guerdon-workflow-trace/1"}'):
        (tmp_path / "trace.json").write_text(text)
        with pytest.raises(ConfigError, match="is no trace of a workflow"):
            load_run(tmp_path / "trace.json")
