import asyncio
import json
from pathlib import Path

import pytest

from guerdon.config.schema import Eval
from guerdon.data.records import to_task
from guerdon.data.sets.gsm8k import GSM8K
from guerdon.data.sets.mbpp import MBPP
from guerdon.engines.fallible import FallibleEngine
from guerdon.engines.fallible_model import Skill
from guerdon.engines.scripted import ScriptedEngine
from guerdon.envs.workflow.env import Workflow
from guerdon.rewards.match import Match
from guerdon.sandbox import Sandbox
from guerdon.suite.play import BEST_FIXED, POLICY, Suite, play_suite
from guerdon.suite.report import table, write
from guerdon.tasks import TaskSets
from guerdon.types import Model, Task

MATH = [to_task(r) for n in range(12)
        for r in GSM8K.read({"question": f"How many is {n} times 31?", "answer": str(31 * n)},
                            "test")]  # fmt: skip
CODE = [to_task(r) for n in range(11, 15)
        for r in MBPP.read({"task_id": n, "text": f"Write a function to add {n}.",
                            "code": f"def add{n}(x):\n    return x + {n}",
                            "test_list": [f"assert add{n}({x}) == {x + n}" for x in range(3)]},
                           "all")]  # fmt: skip


class Known:
    """The tasks of this test."""

    def load(self, count_tokens: object = None) -> TaskSets:
        return TaskSets(tuple(MATH), tuple(CODE))


@pytest.fixture(scope="module")
def played() -> dict:
    sandbox = Sandbox()
    env = Workflow(
        rewards={domain: Match() for domain in ("math", "qa", "code")},
        sandbox=sandbox,
        surface="dsl",
    )
    skills = {
        "gsm8k": Skill(right=0.55, mistakes="scattered"),
        "mbpp": Skill(right=0.0, mistakes="same", mends=1.0),
    }
    executor = FallibleEngine(tasks=Known(), skills=skills, price="free")

    def write_workflow(messages: tuple) -> str:
        is_code = "CustomCodeGenerate" in messages[0]["content"]
        return "CustomCodeGenerate -> Test" if is_code else "Custom*3 -> ScEnsemble"

    policy = ScriptedEngine(write_workflow)
    tests: dict[str, list[Task]] = {"gsm8k": MATH[:8], "mbpp": CODE[:3]}
    models = {"policy": Model(policy), "executor": Model(executor)}

    async def play() -> Suite:
        choose_by = [*MATH[8:], CODE[3]]
        suite = await play_suite(env, models, tests, choose_by=choose_by, settings=Eval())
        await executor.close()
        return suite

    suite = asyncio.run(play())
    sandbox.close()
    return {"suite": suite}


def test_all_methods_are_played_on_all_sets(played: dict) -> None:
    results = played["suite"].results
    assert list(results) == [POLICY, "one call", "chain of thought", "self-consistency of 5",
                             BEST_FIXED]  # fmt: skip
    assert all(set(one) == {"gsm8k", "mbpp"} for one in results.values())
    assert not played["suite"].failures


def test_calls_are_counted_and_scores_are_the_published_ones(played: dict) -> None:
    results = played["suite"].results
    assert results["one call"]["gsm8k"].calls == 1
    assert 5 <= results["self-consistency of 5"]["gsm8k"].calls <= 6
    assert results["one call"]["mbpp"].score == 0  # it is always wrong at first
    assert results[POLICY]["mbpp"].score == 1  # and the tests say so
    assert results[POLICY]["gsm8k"].executed == 1


def test_the_best_fixed_workflow_is_chosen_on_other_rows(played: dict) -> None:
    chosen = played["suite"].best_fixed
    assert set(chosen) == {"math", "code"} and "test" in chosen["code"]
    assert played["suite"].results[BEST_FIXED]["mbpp"].score == 1


def test_the_report_has_json_a_table_and_a_picture(played: dict, tmp_path: Path) -> None:
    about = {"model": "scripted", "rows": {"gsm8k": 8, "mbpp": 3}, "missing": ["squad"]}
    record = write(played["suite"], tmp_path, about)
    assert json.loads((tmp_path / "report.json").read_text()) == record
    assert record["policy_minus"]["one call"]["mbpp"]["mean"] == 1
    text = table(record)
    assert (tmp_path / "report.md").read_text() == text
    assert "| policy |" in text and "Not here: squad." in text and "100.0 (100 to 100)" in text
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
